"""Builds what one process uses of AWS. Each part is built, and its module imported, at first use.

So a cold start pays only for what its function uses. ``bootstrap`` ties these to the use cases.
"""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, cast

from chalicelib.retry import LOAD, PATIENCE_SECONDS, Backoff, TimeBudget
from chalicelib.settings import Settings, SettingsError

if TYPE_CHECKING:
    from chalicelib.auth.ports import SecretSource
    from chalicelib.aws.connections_api import ConnectionsApi
    from chalicelib.aws.dead_letters import DeadLetters
    from chalicelib.aws.delivery_queue import SqsJobQueue
    from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
    from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
    from chalicelib.aws.dynamodb.connections.progress import DynamoProgressStore
    from chalicelib.aws.dynamodb.connections.revocations import DynamoRevocations
    from chalicelib.aws.dynamodb.database import Database, Table
    from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
    from chalicelib.aws.http import HttpClient
    from chalicelib.aws.json_api import DynamoApi, SqsApi
    from chalicelib.settings import Keys


class Adapters:
    """The stores, queues and clients of AWS that one process uses."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.time = TimeBudget(PATIENCE_SECONDS)

    @cached_property
    def dead_letters(self) -> "DeadLetters":
        """The queue for unreadable records of the table's stream."""
        from chalicelib.aws.dead_letters import DeadLetters

        return DeadLetters(self._sqs, self.settings.stream_failure_queue_url)

    @cached_property
    def secrets(self) -> "SecretSource":
        """The source of the token secrets."""
        if self.settings.jwt_secret_file:
            from pathlib import Path

            from chalicelib.auth.secret_file import FileSecrets

            return FileSecrets(Path(self.settings.jwt_secret_file))
        from chalicelib.aws.secrets import RATE, ParameterSecrets

        settings = self.settings
        return ParameterSecrets(
            settings.jwt_secret_parameter,
            settings.region,
            settings.aws_endpoint,
            Backoff(RATE, self.time),
            lambda: self._database.connection.session,  # a second session would cost a cold start 10 ms
        )

    @cached_property
    def push(self) -> "ConnectionsApi":
        """Posts to clients."""
        from chalicelib.aws.connections_api import ConnectionsApi
        from chalicelib.token_bucket import TokenBucket

        settings, rate = self.settings, self.settings.posts_per_second
        # The burst is half a second's worth: a small audience hardly waits, and all functions together stay
        # within the account's burst limit.
        bucket = TokenBucket(rate, burst=max(1.0, rate / 2)) if rate else None
        return ConnectionsApi(
            self._http, settings.push_endpoint, settings.region, self._credentials, rate=bucket
        )

    async def close(self) -> None:
        """Close the connections that are kept alive. Deployed functions never do."""
        if "_http" in vars(self):
            await self._http.close()

    @cached_property
    def _credentials(self) -> "Callable[[], Keys]":
        keys = self.settings.keys
        if keys is not None:
            return lambda: keys
        import botocore.session  # it finds a laptop's credentials, but its import is slow

        credentials = botocore.session.get_session().get_credentials()
        if credentials is None:
            raise SettingsError("There are no AWS credentials, and AWS takes no unsigned request.")
        # botocore's stubs allow a key of None, but its resolver never returns one.
        return cast("Callable[[], Keys]", credentials.get_frozen_credentials)

    @cached_property
    def _http(self) -> "HttpClient":
        from chalicelib.aws.http import HttpClient

        return HttpClient()

    @cached_property
    def _backoff(self) -> "Backoff":
        return Backoff(budget=self.time)

    @cached_property
    def _database(self) -> "Database":
        from chalicelib.aws.dynamodb.database import Database

        settings = self.settings
        return Database(settings.region, settings.dynamodb_endpoint, Backoff(LOAD, self.time))

    @cached_property
    def _sessions(self) -> "DynamoSessionStore":
        from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore

        return DynamoSessionStore(self._sessions_table, time.time)

    @cached_property
    def _sessions_table(self) -> "Table":
        from chalicelib.aws.dynamodb.database import Table

        return Table(self._database, self.settings.sessions_table)

    @cached_property
    def _dynamodb(self) -> "DynamoApi":
        from chalicelib.aws.json_api import DynamoApi

        settings = self.settings
        return DynamoApi(
            self._http, settings.dynamodb_endpoint, settings.region, self._credentials, self.time
        )

    @cached_property
    def _audiences(self) -> "DynamoAudiences":
        from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences

        table, shards = self.settings.connections_table, self.settings.audience_shards
        return DynamoAudiences(self._dynamodb, table, shards, time.time)

    @cached_property
    def _progress(self) -> "DynamoProgressStore":
        from chalicelib.aws.dynamodb.connections.progress import DynamoProgressStore

        table, shards = self.settings.connections_table, self.settings.audience_shards
        return DynamoProgressStore(self._dynamodb, table, shards, time.time)

    @cached_property
    def _queue(self) -> "SqsJobQueue":
        from chalicelib.aws.delivery_queue import SqsJobQueue

        return SqsJobQueue(self._sqs, self.settings.delivery_queue_url)

    @cached_property
    def _sqs(self) -> "SqsApi":
        from chalicelib.aws.json_api import SqsApi

        settings = self.settings
        return SqsApi(self._http, settings.sqs_endpoint, settings.region, self._credentials, self.time)

    @cached_property
    def _connections(self) -> "DynamoConnectionStore":
        from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore

        return DynamoConnectionStore(self._connections_table, self.settings.audience_shards, time.time)

    @cached_property
    def _revocations(self) -> "DynamoRevocations":
        from chalicelib.aws.dynamodb.connections.revocations import DynamoRevocations

        return DynamoRevocations(self._connections_table)

    @cached_property
    def _connections_table(self) -> "Table":
        from chalicelib.aws.dynamodb.database import Table

        return Table(self._database, self.settings.connections_table)

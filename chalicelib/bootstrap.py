"""The composition root: settings in, use cases out, and the only place that chooses real things.

Everything is made when it is first asked for, and imported there, so that a cold start pays only for
what its function uses. One application lives as long as its execution environment.
"""

import asyncio
import secrets
import ssl
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from chalicelib.auth.claims import Claims
from chalicelib.settings import Settings, SettingsError
from chalicelib.timestamps import system_clock

if TYPE_CHECKING:
    from chalicelib.auth.bot_tokens import BotTokens
    from chalicelib.auth.ports import SecretSource, TokenVerifier
    from chalicelib.aws.dead_letters import SetAside
    from chalicelib.aws.delivery_queue import SqsJobQueue
    from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
    from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
    from chalicelib.aws.dynamodb.connections.lags import DynamoLagStore
    from chalicelib.aws.dynamodb.connections.progress import DynamoProgressStore
    from chalicelib.aws.dynamodb.nights.epochs import DynamoEpochs
    from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
    from chalicelib.aws.dynamodb.tables import Database, Table
    from chalicelib.aws.json_api import DynamoApi, SqsApi
    from chalicelib.aws.signature import Credentials
    from chalicelib.connections.clients import Connections
    from chalicelib.connections.sweep import Sweep
    from chalicelib.delivery.broadcast import Broadcast
    from chalicelib.delivery.catch_up import CatchUp
    from chalicelib.delivery.delivery_log import DeliveryLog
    from chalicelib.delivery.disconnect_all import Goodbye
    from chalicelib.delivery.redelivery import Redelivery
    from chalicelib.delivery.seldom import Seldom
    from chalicelib.delivery.worker import Jobs
    from chalicelib.idempotency import Commits
    from chalicelib.nights.hosting import GameNights
    from chalicelib.nights.queries import Reading, Streams
    from chalicelib.nights.voting import Voting
    from chalicelib.push.client import ConnectionsClient

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VerifierOnDemand:
    """A verifier that is made for the first token: connecting and leaving show none."""

    verifier: "Callable[[], TokenVerifier]"

    def verify(self, token: str) -> Claims:
        """See the port."""
        return self.verifier().verify(token)


class Application:
    """Everything that the entry points call."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = system_clock

    @cached_property
    def game_nights(self) -> "GameNights":
        """What a host does."""
        from chalicelib.nights.hosting import GameNights

        return GameNights(self._sessions, self._commits, self.clock, lambda: secrets.token_hex(4))

    @cached_property
    def voting(self) -> "Voting":
        """What a voter does."""
        from chalicelib.idempotency import Commits
        from chalicelib.nights.voting import POLL, Voting, VotingStores

        store = self._sessions
        stores = VotingStores(store, store.box, store.answers)
        return Voting(stores, Commits(store.answers, POLL), self.clock, lambda: secrets.token_hex(8))

    @cached_property
    def reading(self) -> "Reading":
        """What anyone reads."""
        from chalicelib.nights.queries import Reading

        return Reading(self._sessions, self._streams)

    @cached_property
    def bot_tokens(self) -> "BotTokens":
        """How a bot is let in."""
        from chalicelib.auth.bot_tokens import BotTokens
        from chalicelib.auth.tokens import TokenIssuer

        signer = TokenIssuer(self.secrets, self.settings.jwt_issuer)
        return BotTokens(signer, self._sessions.answers, self._commits)

    @cached_property
    def connections(self) -> "Connections":
        """What a client does."""
        from chalicelib.connections.clients import Connections
        from chalicelib.connections.frame_limit import FrameLimit

        return Connections(
            self._connections,
            self._streams,
            VerifierOnDemand(lambda: self.tokens),
            self.clock,
            life=self.settings.connection_life,
            frames=FrameLimit(self.settings.frames_per_second),
        )

    @cached_property
    def broadcast(self) -> "Broadcast":
        """What the log's stream does."""
        from chalicelib.delivery.broadcast import Broadcast
        from chalicelib.delivery.routing import Queueing, Router

        settings = self.settings
        router = Router(
            self._audiences,
            self._progress,
            shards=settings.audience_shards,
            inline=settings.inline_audience,
        )
        queueing = Queueing(self._progress, self._queue, settings.audience_shards)
        return Broadcast(router, queueing, self.push, lambda: self._seldom, self._delivery_log)

    @cached_property
    def set_aside(self) -> "SetAside":
        """Where records of the log's stream go that nobody can read."""
        from chalicelib.aws.dead_letters import SetAside

        return SetAside(self._sqs, self.settings.stream_failure_queue_url)

    @cached_property
    def jobs(self) -> "Jobs":
        """What the delivery queue does."""
        from chalicelib.delivery.shard_delivery import ShardDelivery
        from chalicelib.delivery.shard_walk import Ground
        from chalicelib.delivery.worker import Jobs

        ground = Ground(self._audiences, self._progress, lambda: self._seldom)
        shards = ShardDelivery(ground, self.push, self._delivery_log)
        return Jobs(self._queue, shards, lambda: self._catch_up)

    @cached_property
    def sweep(self) -> "Sweep":
        """What the schedule does."""
        from chalicelib.api.live.notices import FrameNotices
        from chalicelib.aws.dynamodb.connections.deadlines import DynamoDeadlineStore
        from chalicelib.connections.expired_deadlines import DueConnections
        from chalicelib.connections.sweep import Sweep

        settings = self.settings
        deadlines = DynamoDeadlineStore(self._connections_table, settings.audience_shards)
        due = DueConnections(
            deadlines, self._connections, self.push, FrameNotices(), settings.connection_life
        )
        return Sweep(deadlines, due, settings.audience_shards)

    @cached_property
    def redelivery(self) -> "Redelivery":
        """How an operator has events delivered that were given up."""
        from chalicelib.delivery.redelivery import Redelivery
        from chalicelib.delivery.routing import Queueing

        queueing = Queueing(self._progress, self._queue, self.settings.audience_shards)
        return Redelivery(self._audiences, queueing, self._sessions, self._sessions.log)

    @cached_property
    def epochs(self) -> "DynamoEpochs":
        """What an operator changes after a restore."""
        from chalicelib.aws.dynamodb.nights.epochs import DynamoEpochs

        return DynamoEpochs(self._sessions_table, self._sessions)

    @cached_property
    def goodbye(self) -> "Goodbye":
        """How an operator has all clients come back."""
        from chalicelib.delivery.disconnect_all import Goodbye

        return Goodbye(self._audiences, self._connections, self.push, self.settings.audience_shards)

    @cached_property
    def tokens(self) -> "TokenVerifier":
        """Who a caller is."""
        from chalicelib.auth.tokens import JwtVerifier

        return JwtVerifier(self.secrets, self.settings.jwt_issuer)

    @cached_property
    def secrets(self) -> "SecretSource":
        """Where the token secrets are."""
        from pathlib import Path

        from chalicelib.aws.secrets import FileSecrets, ParameterSecrets

        if self.settings.jwt_secret_file:
            return FileSecrets(Path(self.settings.jwt_secret_file))
        return ParameterSecrets(
            self.settings.jwt_secret_parameter, self.settings.region, self.settings.aws_endpoint
        )

    @cached_property
    def push(self) -> "ConnectionsClient":
        """The way to a client."""
        from chalicelib.push.client import ConnectionsClient
        from chalicelib.push.rate import TokenBucket

        rate = self.settings.posts_per_second
        return ConnectionsClient(
            self.settings.push_endpoint,
            self.settings.region,
            self._credentials,
            # Half a second's worth at once: a small audience hardly waits, and all functions together stay
            # within what an account may do in a burst.
            rate=TokenBucket(rate, burst=max(1.0, rate / 2)) if rate else None,
            ssl_context=self._tls if self.settings.push_endpoint.startswith("https:") else None,
        )

    async def close(self) -> None:
        """Close the connections that are kept alive; what is deployed never does."""
        for name in ("push", "_dynamodb", "_sqs"):
            if name in vars(self):
                await getattr(self, name).close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, always on the same loop: kept-alive connections belong to it."""
        return self._runner.run(work)

    @cached_property
    def _runner(self) -> asyncio.Runner:
        return asyncio.Runner()

    @cached_property
    def _credentials(self) -> "Callable[[], Credentials]":
        keys = self.settings.keys
        if keys is not None:
            return lambda: keys
        import botocore.session  # finds them wherever a laptop has them, at the price of an import

        credentials = botocore.session.get_session().get_credentials()
        if credentials is None:
            raise SettingsError("There are no AWS credentials, and AWS takes no unsigned request.")
        # botocore's stubs allow for a key of None, which its resolver never returns.
        return cast("Callable[[], Credentials]", credentials.get_frozen_credentials)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()  # one for all: it reads the system's certificates, for 20 ms

    @cached_property
    def _commits(self) -> "Commits":
        from chalicelib.backoff import Backoff
        from chalicelib.idempotency import Commits

        return Commits(self._sessions.answers, Backoff())

    @cached_property
    def _streams(self) -> "Streams":
        from chalicelib.nights.queries import Streams

        return Streams(self._sessions, self._sessions.log)

    @cached_property
    def _database(self) -> "Database":
        from chalicelib.aws.dynamodb.tables import Database

        return Database(self.settings.region, self.settings.dynamodb_endpoint)

    @cached_property
    def _sessions(self) -> "DynamoSessionStore":
        from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore

        return DynamoSessionStore(self._sessions_table, time.time)

    @cached_property
    def _sessions_table(self) -> "Table":
        from chalicelib.aws.dynamodb.tables import Table

        return Table(self._database, self.settings.sessions_table)

    @cached_property
    def _dynamodb(self) -> "DynamoApi":
        from chalicelib.aws.json_api import DynamoApi

        settings = self.settings
        return DynamoApi(settings.dynamodb_endpoint, settings.region, self._credentials, lambda: self._tls)

    @cached_property
    def _audiences(self) -> "DynamoAudiences":
        from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences

        return DynamoAudiences(self._dynamodb, self.settings.connections_table, time.time)

    @cached_property
    def _progress(self) -> "DynamoProgressStore":
        from chalicelib.aws.dynamodb.connections.progress import DynamoProgressStore

        return DynamoProgressStore(self._dynamodb, self.settings.connections_table, time.time)

    @cached_property
    def _queue(self) -> "SqsJobQueue":
        from chalicelib.aws.delivery_queue import SqsJobQueue

        return SqsJobQueue(self._sqs, self.settings.delivery_queue_url)

    @cached_property
    def _sqs(self) -> "SqsApi":
        from chalicelib.aws.json_api import SqsApi

        settings = self.settings
        return SqsApi(settings.sqs_endpoint, settings.region, self._credentials, lambda: self._tls)

    @cached_property
    def _connections(self) -> "DynamoConnectionStore":
        from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore

        return DynamoConnectionStore(self._connections_table, self.settings.audience_shards, time.time)

    @cached_property
    def _lags(self) -> "DynamoLagStore":
        from chalicelib.aws.dynamodb.connections.lags import DynamoLagStore

        return DynamoLagStore(self._connections_table, self.settings.audience_shards, time.time)

    @cached_property
    def _connections_table(self) -> "Table":
        from chalicelib.aws.dynamodb.tables import Table

        return Table(self._database, self.settings.connections_table)

    @cached_property
    def _delivery_log(self) -> "DeliveryLog":
        from chalicelib.delivery.delivery_log import DeliveryLog

        return DeliveryLog(each=self.settings.log_level == "DEBUG")

    @cached_property
    def _seldom(self) -> "Seldom":
        from chalicelib.delivery.laggards import Laggards
        from chalicelib.delivery.seldom import Seldom

        return Seldom(self._connections, self._lags, Laggards(self._lags, self._queue))

    @cached_property
    def _catch_up(self) -> "CatchUp":
        from chalicelib.delivery.catch_up import CatchUp

        log = self._delivery_log
        return CatchUp(self._lags, self._sessions.log, self._connections, self.push, posts_log=log)


@cache
def settings() -> Settings:
    """Return this process's settings."""
    return Settings.from_env()


@cache
def application() -> Application:
    """Return this process's application."""
    return Application(settings())

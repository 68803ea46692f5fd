"""Binds models to real tables, on one connection that retries what may succeed later.

``infra/deploy/stack.yaml`` creates the tables. Names, Region and endpoint are passed, not found in module
state.
"""

import uuid
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Self, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import TableConnection
from pynamodb.connection.base import Connection, MetaTable
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.aws.sdk_errors import SDK_RETRIES_OFF, is_retryable, reason_codes
from chalicelib.retry import LOAD, Backoff

M = TypeVar("M", bound=Model)

CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 3
"""A DynamoDB answer takes milliseconds; one that takes seconds is better asked for again."""

MAX_POOL_CONNECTIONS = 32
"""As many as a sweep has threads."""


class RetryingConnection(Connection):
    """Retries what DynamoDB refuses or leaves undone for the moment. PynamoDB sends everything through it.

    An operation raises its last error once attempts or time are used up. A transaction is sent again with the
    same token, so that one whose answer was lost is made once.
    """

    def __init__(self, region: str, endpoint: str | None, backoff: Backoff) -> None:
        super().__init__(
            region=region,
            host=endpoint,
            connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
            read_timeout_seconds=READ_TIMEOUT_SECONDS,
            max_pool_connections=MAX_POOL_CONNECTIONS,
            retry_configuration=SDK_RETRIES_OFF,
        )
        self.backoff = backoff
        self.retries_conflicts = True

    def raising_conflicts(self) -> Self:
        """Return this connection as one that raises a transaction's conflict at once."""
        twin = copy(self)
        twin.retries_conflicts = False
        return twin

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return what an operation answers, the items of all attempts where it is a batch."""
        responses: dict[str, list[Any]] = {}
        failure: Exception | None = None
        for _ in self.backoff.attempts():
            try:
                answer: dict[str, Any] = super().dispatch(operation_name, operation_kwargs)
            except (BotoCoreError, ClientError) as error:
                if not self._may_retry(error):
                    raise
                failure = error
                continue
            if not operation_name.startswith("Batch"):
                return answer
            for table, items in answer.get("Responses", {}).items():
                responses.setdefault(table, []).extend(items)
            unprocessed = answer.get("UnprocessedKeys") or answer.get("UnprocessedItems")
            if not unprocessed:
                return {**answer, "Responses": responses}
            operation_kwargs = {**operation_kwargs, "RequestItems": unprocessed}
            failure = _unprocessed(operation_name, unprocessed)
        raise failure or AssertionError  # there is always a first attempt

    def _may_retry(self, error: Exception) -> bool:
        if not self.retries_conflicts and "TransactionConflict" in reason_codes(error):
            return False
        return is_retryable(error)


def _unprocessed(operation: str, unprocessed: Mapping[str, Any]) -> ClientError:
    message = f"{', '.join(unprocessed)}: a part was left unprocessed."
    return ClientError(
        {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": message}}, operation
    )


class Database:
    """DynamoDB in one Region, on one botocore client. ``endpoint`` is None for AWS's own.

    A client costs tens of milliseconds of CPU, so all tables and models share one.
    """

    def __init__(self, region: str, endpoint: str | None = None, backoff: Backoff | None = None) -> None:
        self.region = region
        self.endpoint = endpoint
        self.connection = RetryingConnection(region, endpoint, backoff or Backoff(LOAD))
        # Else botocore writes its user agent anew for each call, which takes a tenth of the call's CPU.
        self.connection.session.set_default_client_config(Config(user_agent="game-night-live"))
        # Made here, by one thread: PynamoDB makes it on first use without a lock, one for each thread.
        _ = self.connection.client


class Table:
    """One real table of a database, and all models of it."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self.database = database
        self._meta = type(
            "Meta", (), {"table_name": name, "region": database.region, "host": database.endpoint}
        )
        self._table = TableConnection(name)
        self._table.connection = database.connection
        database.connection.add_meta_table(
            MetaTable(
                {
                    "TableName": name,
                    "KeySchema": [
                        {"AttributeName": "PK", "KeyType": "HASH"},
                        {"AttributeName": "SK", "KeyType": "RANGE"},
                    ],
                    "AttributeDefinitions": [
                        {"AttributeName": "PK", "AttributeType": "S"},
                        {"AttributeName": "SK", "AttributeType": "S"},
                    ],
                }
            )
        )

    def bind(self, template: type[M]) -> type[M]:
        """Return the template as a model of this table."""
        namespace = {
            "Meta": self._meta,
            "_connection": self._table,  # PynamoDB offers no public way to share it
            "__module__": template.__module__,
            "__doc__": template.__doc__,
        }
        metaclass: Callable[..., type[M]] = type(template)
        return metaclass(template.__name__, (template,), namespace)

    def take(self, partition: str, sort_key: str) -> dict[str, Any]:
        """Delete an item and return its attributes as DynamoDB has them; none where it was not there."""
        taken = self._table.delete_item(partition, sort_key, return_values="ALL_OLD")
        attributes: dict[str, Any] = taken.get("Attributes", {})
        return attributes

    def transaction(self, *, retry_conflicts: bool = True) -> TransactWrite:
        """Return a transaction: what is added to it is written whole or not at all at the block's end.

        ``retry_conflicts=False`` is for a caller that reads again and decides anew where another writer has
        the same items: it gets the conflict at once (``errors.lost_race``).
        """
        connection = self.database.connection
        return TransactWrite(
            connection=connection if retry_conflicts else connection.raising_conflicts(),
            client_request_token=str(uuid.uuid4()),
        )

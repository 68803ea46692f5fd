"""Binds models to real tables, on one connection that retries calls.

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
"""An answer of DynamoDB takes milliseconds. A retry is faster than waiting for one that takes seconds."""

MAX_POOL_CONNECTIONS = 32
"""As many as a sweep has threads."""


class RetryingConnection(Connection):
    """Retries calls that DynamoDB refuses or leaves unfinished. PynamoDB sends everything through it.

    An operation raises its last error once attempts or time are used up. A transaction is retried with the
    same token, so it is made once even if an answer was lost.
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
        """Return a copy of this connection that raises a transaction's conflict at once."""
        twin = copy(self)
        twin.retries_conflicts = False
        return twin

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return an operation's answer; for a batch, with the items of all attempts."""
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
        # Otherwise botocore builds its user agent for each call, which takes a tenth of the call's CPU.
        self.connection.session.set_default_client_config(Config(user_agent="game-night-live"))
        # Made here, by one thread. At first use, PynamoDB would make one for each thread, without a lock.
        _ = self.connection.client


class Table:
    """One real table of a database, and its models."""

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
        """Delete an item and return its attributes in DynamoDB's JSON; empty if there was no item."""
        taken = self._table.delete_item(partition, sort_key, return_values="ALL_OLD")
        attributes: dict[str, Any] = taken.get("Attributes", {})
        return attributes

    def transaction(self, *, retry_conflicts: bool = True) -> TransactWrite:
        """Return a transaction: everything that is added to it is written at the block's end, or nothing is.

        ``retry_conflicts=False`` is for a caller that reads again and decides anew if another writer changes
        the same items. It gets the conflict at once (``errors.lost_race``).
        """
        connection = self.database.connection
        return TransactWrite(
            connection=connection if retry_conflicts else connection.raising_conflicts(),
            client_request_token=str(uuid.uuid4()),
        )

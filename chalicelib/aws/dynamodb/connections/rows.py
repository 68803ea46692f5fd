"""Reads and writes items of the connections table without an SDK, which would slow delivery's cold start.

See docs/decisions/0051-audience-without-sdk.md.
"""

from collections.abc import Callable
from typing import Any

from chalicelib.aws.json_api import DynamoApi

Row = dict[str, Any]
"""An item as DynamoDB's JSON protocol renders it."""


def key(partition: str, sort_key: str) -> Row:
    """Return the key of an item."""
    return {"PK": {"S": partition}, "SK": {"S": sort_key}}


class Rows:
    """The rows of a table divided into shards. Reads are consistent and leave out expired rows.

    ``now`` returns Unix seconds.
    """

    def __init__(self, api: DynamoApi, table: str, shards: int, now: Callable[[], float]) -> None:
        self._api = api
        self._table = table
        self._shards = shards
        self._now = now

    async def _call(self, operation: str, **arguments: Any) -> Row:
        return await self._api.call(operation, {"TableName": self._table, **arguments})

    async def _get(self, key: Row) -> Row | None:
        row: Row | None = (await self._call("GetItem", Key=key, ConsistentRead=True)).get("Item")
        return row if row and self._is_there(row) else None

    async def _query(self, partition: str, **more: Any) -> tuple[list[Row], str | None]:
        """Return a page of a partition's rows, and the sort key after which the next page begins."""
        found = await self._call(
            "Query",
            KeyConditionExpression="PK = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ConsistentRead=True,
            **more,
        )
        last = found.get("LastEvaluatedKey")
        return [row for row in found["Items"] if self._is_there(row)], last["SK"]["S"] if last else None

    def _is_there(self, row: Row) -> bool:
        return int(row["expires_at"]["N"]) > self._now()

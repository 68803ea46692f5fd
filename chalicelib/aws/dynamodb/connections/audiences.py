"""Reading an audience, page by page: what a broadcast does first, and all that it asks of DynamoDB.

``connections`` is what writes these rows; ``json_api`` says why they are read without PynamoDB.
"""

from collections.abc import Callable
from typing import Any

from chalicelib.aws.dynamodb.keys import HEAD, audience_key, queued_key
from chalicelib.aws.json_api import DynamoApi
from chalicelib.connections.connection import Lag, Recipient
from chalicelib.delivery.jobs import QueueMark
from chalicelib.delivery.ports import AudiencePage

PAGE_SIZE = 1000
"""Recipients in a page: 200 KB on the wire, so that posting can begin while the next page is read."""


class DynamoAudiences:
    """``ports.Audiences`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, api: DynamoApi, table: str, now: Callable[[], float]) -> None:
        self._api = api
        self._table = table
        self._now = now

    async def page(
        self, audience: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        """See the port."""
        partition = {"S": audience_key(audience, shard)}
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "PK = :partition",
            "ExpressionAttributeValues": {":partition": partition},
            "ConsistentRead": True,
            "Limit": limit or PAGE_SIZE,
        }
        if after is not None:
            query["ExclusiveStartKey"] = {"PK": partition, "SK": {"S": after}}
        found = await self._api.call("Query", query)
        now = self._now()
        recipients = [
            Recipient(
                connection_id=row["SK"]["S"],
                api_id=row["api_id"]["S"],
                stage=row["stage"]["S"],
                token_expires_at=int(row["token_expires_at"]["N"]),
                wants_cursor=row["wants_cursor"]["BOOL"],
                lag=_lag(row) if "lag_first" in row else None,
            )
            for row in found["Items"]
            if int(row["token_expires_at"]["N"]) > now and int(row["expires_at"]["N"]) > now
        ]
        last = found.get("LastEvaluatedKey")
        return AudiencePage(recipients, last["SK"]["S"] if last else None)

    async def queue_mark(self, audience: str) -> QueueMark | None:
        """See the port."""
        found = await self._api.call(
            "GetItem",
            {
                "TableName": self._table,
                "Key": {"PK": {"S": queued_key(audience)}, "SK": {"S": HEAD}},
                "ConsistentRead": True,
            },
        )
        item = found.get("Item")
        if item is None or int(item["expires_at"]["N"]) <= self._now():
            return None
        return QueueMark(int(item["since"]["N"]), item["last"]["S"])


def _lag(row: dict[str, Any]) -> Lag:
    return Lag(int(row["lag_first"]["N"]), int(row["lag_last"]["N"]), parked="lag_parked" in row)

"""Reads the audiences of streams in the connections table page by page, and updates who is behind.

``connections`` writes these rows when a client joins or leaves. A broadcast reads them without PynamoDB,
whose import would take most of its cold start: docs/decisions/0051-audience-without-sdk.md.
"""

from chalicelib.aws.dynamodb.connections.rows import Row, Rows, key
from chalicelib.aws.dynamodb.keys import audience_key
from chalicelib.connections.connection import Recipient, shard_of
from chalicelib.delivery.ports import AudiencePage
from chalicelib.retry import ConditionFailed

PAGE_SIZE = 1000


class DynamoAudiences(Rows):
    """``delivery.ports.Audiences`` on DynamoDB."""

    async def page(
        self, stream: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        """See the port."""
        partition = audience_key(stream, shard)
        start = {} if after is None else {"ExclusiveStartKey": key(partition, after)}
        rows, following = await self._query(partition, Limit=limit or PAGE_SIZE, **start)
        return AudiencePage([_recipient(row) for row in rows], following)

    async def recipient(self, stream: str, connection_id: str) -> Recipient | None:
        """See the port."""
        row = await self._get(self._key(stream, connection_id))
        return _recipient(row) if row else None

    async def fall_behind(self, stream: str, connection_id: str, behind: int, missed: int) -> bool:
        """See the port."""
        return await self._update(
            stream,
            connection_id,
            "SET behind = :behind, missed = :missed",
            "attribute_exists(PK) AND attribute_not_exists(behind)"
            " AND token_expires_at > :now AND expires_at > :now",
            behind=behind,
            missed=missed,
            now=int(self._now()),
        )

    async def note_missed(self, stream: str, connection_id: str, missed: int) -> bool:
        """See the port."""
        update, condition = (
            "SET missed = :missed",
            "attribute_exists(behind) AND (attribute_not_exists(missed) OR missed < :missed)",
        )
        return await self._update(stream, connection_id, update, condition, missed=missed)

    async def advance(self, stream: str, connection_id: str, behind: int, to: int) -> bool:
        """See the port."""
        update, condition = "SET behind = :to REMOVE catching_up_until", "behind = :behind"
        return await self._update(stream, connection_id, update, condition, behind=behind, to=to)

    async def become_live(self, stream: str, connection_id: str, behind: int, position: int) -> bool:
        """See the port."""
        update, condition = (
            "SET #position = :position REMOVE behind, missed, catching_up_until",
            "behind = :behind AND (attribute_not_exists(missed) OR missed <= :position)",
        )
        return await self._update(stream, connection_id, update, condition, behind=behind, position=position)

    async def _update(
        self, stream: str, connection_id: str, update: str, condition: str, **values: int
    ) -> bool:
        reserved = {"#position": "position"} if "#position" in update else {}
        try:
            await self._call(
                "UpdateItem",
                Key=self._key(stream, connection_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in values.items()},
                **({"ExpressionAttributeNames": reserved} if reserved else {}),
            )
        except ConditionFailed:
            return False
        return True

    def _key(self, stream: str, connection_id: str) -> Row:
        return key(audience_key(stream, shard_of(connection_id, self._shards)), connection_id)

    def _is_there(self, row: Row) -> bool:
        return super()._is_there(row) and int(row["token_expires_at"]["N"]) > self._now()


def _recipient(row: Row) -> Recipient:
    def number(name: str) -> int:
        return int(row[name]["N"]) if name in row else 0

    return Recipient(
        connection_id=row["SK"]["S"],
        api_id=row["api_id"]["S"],
        stage=row["stage"]["S"],
        token_expires_at=number("token_expires_at"),
        wants_cursor=row["wants_cursor"]["BOOL"],
        behind=number("behind") if "behind" in row else None,
        missed=number("missed"),
        position=number("position"),
        catching_up_until=number("catching_up_until"),
    )

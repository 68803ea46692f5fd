"""Stores how far delivery has come, in each stream and in each shard of an audience.

``fan_out#{stream}`` / ``head``: ``handled``, a cursor; and the events that have jobs, from sequence ``since``
up to the cursor ``fanned_out``. After ``pending_until`` none of their jobs is on the queue.
``fan_out#{stream}`` / ``shard#{number}``: the checkpoint of a shard's newest job.
"""

from chalicelib.aws.dynamodb.connections.rows import Row, Rows, key
from chalicelib.aws.dynamodb.keys import HEAD, fan_out_key
from chalicelib.delivery.jobs import Checkpoint, Pending, Progress
from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.cursors import Cursor

PENDING_SECONDS = 4 * 60 * 60 + 10 * 60
"""The queue keeps a job for four hours (infra/deploy/stack.yaml), plus a margin of ten minutes."""


class DynamoProgressStore(Rows):
    """``delivery.ports.ProgressStore`` on DynamoDB."""

    async def progress(self, stream: str) -> Progress:
        """See the port."""
        rows, _ = await self._query(fan_out_key(stream))
        items = {row["SK"]["S"]: row for row in rows}
        head = items.pop(HEAD, {})
        handled = Cursor.parse(head["handled"]["S"]) if "handled" in head else None
        newest = Cursor.parse(head["fanned_out"]["S"]) if "fanned_out" in head else None
        if newest is None or int(head["pending_until"]["N"]) <= self._now():
            return Progress(handled)
        done = sum(_checkpoint(row).covers(newest) for row in items.values())
        return Progress(handled, None if done >= self._shards else Pending(int(head["since"]["N"]), newest))

    async def save_handled(self, stream: str, handled: Cursor) -> None:
        """See the port."""
        await self._update(stream, "SET handled = :handled", {":handled": {"S": str(handled)}})

    async def save_pending(self, stream: str, pending: Pending) -> None:
        """See the port."""
        await self._update(
            stream,
            "SET fanned_out = :newest, since = :since, pending_until = :until",
            {
                ":newest": {"S": str(pending.newest)},
                ":since": {"N": str(pending.since)},
                ":until": {"N": str(int(self._now()) + PENDING_SECONDS)},
            },
        )

    async def checkpoint(self, stream: str, shard: int) -> Checkpoint | None:
        """See the port."""
        row = await self._get(key(fan_out_key(stream), _shard(shard)))
        return _checkpoint(row) if row else None

    async def save_checkpoint(self, stream: str, shard: int, checkpoint: Checkpoint) -> None:
        """See the port."""
        item = {
            **key(fan_out_key(stream), _shard(shard)),
            "cursor": {"S": str(checkpoint.cursor)},
            "first": {"N": str(checkpoint.first)},
            "done": {"BOOL": checkpoint.done},
            "expires_at": {"N": str(int(self._now()) + PENDING_SECONDS)},
        }
        if checkpoint.after is not None:
            item["after"] = {"S": checkpoint.after}
        await self._call("PutItem", Item=item)

    async def _update(self, stream: str, update: str, values: Row) -> None:
        expiry = {":expires_at": {"N": str(int(self._now()) + EVENT_RETENTION_SECONDS)}}
        await self._call(
            "UpdateItem",
            Key=key(fan_out_key(stream), HEAD),
            UpdateExpression=f"{update}, expires_at = :expires_at",
            ExpressionAttributeValues={**values, **expiry},
        )


def _shard(shard: int) -> str:
    return f"shard#{shard}"


def _checkpoint(row: Row) -> Checkpoint:
    cursor = Cursor.parse(row["cursor"]["S"])
    if cursor is None:
        raise ValueError(f"no cursor: {row['cursor']['S']!r}")
    after = row["after"]["S"] if "after" in row else None
    return Checkpoint(cursor, int(row["first"]["N"]), after, done=row["done"]["BOOL"])

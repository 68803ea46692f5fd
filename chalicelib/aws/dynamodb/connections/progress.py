"""What delivery remembers between jobs, in the connections table: queued streams, and how far jobs have come.

All of it is of use only while its jobs can still be on the queue, and then expires.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from chalicelib.aws.dynamodb.keys import HEAD, progress_key, queued_key
from chalicelib.aws.json_api import ConditionFailed, DynamoApi
from chalicelib.delivery.jobs import Progress, QueueMark
from chalicelib.nights.cursors import Cursor

RETENTION_SECONDS = 4 * 60 * 60 + 10 * 60
"""The queue keeps a job for four hours (infra/stack.yaml); ten minutes later none of it is left anywhere."""


class DynamoProgressStore:
    """``delivery.ports``'s ``ProgressStore`` and ``QueuedStreams``. ``now`` returns Unix seconds.

    ``queued#{audience}`` / ``head`` has ``since`` and ``last``, and ``epoch`` and ``place`` of the last in
    the audience's stream; ``progress#{job}`` / ``head`` has ``after``, ``open`` and ``done``; both have
    ``expires_at``.
    """

    def __init__(self, api: DynamoApi, table: str, now: Callable[[], float]) -> None:
        self._api = api
        self._table = table
        self._now = now

    async def mark_queued(self, audience: str, mark: QueueMark, place: Cursor) -> None:
        """See the port."""
        since, epoch, sequence = {"N": str(mark.since)}, {"S": place.epoch}, {"N": str(place.sequence)}
        item = {"since": since, "last": {"S": mark.last}, "epoch": epoch, "place": sequence}
        try:
            await self._put(
                queued_key(audience),
                item,
                ConditionExpression="attribute_not_exists(#place) OR #epoch <> :epoch OR #place <= :place"
                " OR #expires_at <= :now",
                ExpressionAttributeNames={"#place": "place", "#epoch": "epoch", "#expires_at": "expires_at"},
                ExpressionAttributeValues={
                    ":epoch": epoch,
                    ":place": sequence,
                    ":now": {"N": str(int(self._now()))},
                },
            )
        except ConditionFailed:
            await self._since_earlier(queued_key(audience), since)

    async def _since_earlier(self, partition: str, since: Mapping[str, Any]) -> None:
        with suppress(ConditionFailed):
            await self._api.call(
                "UpdateItem",
                {
                    "TableName": self._table,
                    "Key": {"PK": {"S": partition}, "SK": {"S": HEAD}},
                    "UpdateExpression": "SET #since = :since",
                    "ConditionExpression": "#since > :since",
                    "ExpressionAttributeNames": {"#since": "since"},
                    "ExpressionAttributeValues": {":since": since},
                },
            )

    async def progress(self, job: str) -> Progress:
        """See the port."""
        key = {"PK": {"S": progress_key(job)}, "SK": {"S": HEAD}}
        found = await self._api.call(
            "GetItem", {"TableName": self._table, "Key": key, "ConsistentRead": True}
        )
        if "Item" not in found:
            return Progress()
        item = found["Item"]
        return Progress(
            item["after"]["S"] if "after" in item else None,
            tuple(one["S"] for one in item["open"]["L"]),
            done=item["done"]["BOOL"],
        )

    async def all_done(self, jobs: Sequence[str]) -> bool:
        """See the port."""
        keys = [{"PK": {"S": progress_key(job)}, "SK": {"S": HEAD}} for job in jobs]
        asked = {self._table: {"Keys": keys, "ConsistentRead": True}}
        found = await self._api.call("BatchGetItem", {"RequestItems": asked})
        # What was not read for want of capacity counts as not done; it is asked for again.
        done = [item["done"]["BOOL"] for item in found["Responses"].get(self._table, ())]
        return len(done) == len(jobs) and all(done)

    async def save(self, job: str, progress: Progress) -> None:
        """See the port."""
        item: dict[str, Any] = {
            "open": {"L": [{"S": one} for one in progress.open]},
            "done": {"BOOL": progress.done},
        }
        if progress.after is not None:
            item["after"] = {"S": progress.after}
        await self._put(progress_key(job), item)

    async def _put(self, partition: str, item: Mapping[str, Any], **condition: Any) -> None:
        expiry = {"N": str(int(self._now()) + RETENTION_SECONDS)}
        key = {"PK": {"S": partition}, "SK": {"S": HEAD}}
        await self._api.call(
            "PutItem",
            {"TableName": self._table, "Item": {**key, **item, "expires_at": expiry}, **condition},
        )

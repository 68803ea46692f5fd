"""The delivery queue: jobs as messages on an SQS FIFO queue, and back.

The only place that knows how a job reads. Leaves doing jobs to ``delivery.worker``.
"""

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from chalicelib.aws.json_api import SqsApi
from chalicelib.delivery.jobs import CatchUpJob, Job, Received, ShardJob
from chalicelib.errors import Unavailable
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType

MESSAGES_AT_ONCE = 10
"""What SendMessageBatch takes."""

logger = logging.getLogger(__name__)


class SqsJobQueue:
    """``delivery.ports.JobQueue`` on SQS. ``new_id`` returns a fresh random text."""

    def __init__(
        self, api: SqsApi, url: str, new_id: Callable[[], str] = lambda: os.urandom(8).hex()
    ) -> None:
        self._api = api
        self._url = url
        self._new_id = new_id

    async def send(self, jobs: Sequence[Job]) -> None:
        """See the port."""
        for start in range(0, len(jobs), MESSAGES_AT_ONCE):
            entries = [
                {
                    "Id": str(number),
                    "MessageBody": json.dumps(_document(job), separators=(",", ":")),
                    "MessageGroupId": job.group,
                    "MessageDeduplicationId": job.name if isinstance(job, ShardJob) else self._new_id(),
                }
                for number, job in enumerate(jobs[start : start + MESSAGES_AT_ONCE])
            ]
            answer = await self._api.call("SendMessageBatch", {"QueueUrl": self._url, "Entries": entries})
            if failed := answer.get("Failed"):
                codes = ", ".join(sorted({one["Code"] for one in failed}))
                raise Unavailable(f"The delivery queue did not take {len(failed)} job(s): {codes}.")

    async def delay(self, received: Received, seconds: int) -> None:
        """See the port."""
        await self._api.call(
            "ChangeMessageVisibility",
            {"QueueUrl": self._url, "ReceiptHandle": received.receipt, "VisibilityTimeout": seconds},
        )

    async def hold(self, received: Received, seconds: int) -> None:
        """See the port. To SQS it is the same as a delay."""
        await self.delay(received, seconds)


def received_jobs(records: Iterable[dict[str, Any]]) -> Iterator[Received]:
    """Yield the jobs of a batch as Lambda hands it over.

    One that can't be read is logged as an error and has no job; trying it again would not make it readable.
    """
    for record in records:
        attributes = record["attributes"]
        job: Job | None = None
        try:
            job = job_of(record["body"])
        except ValueError:
            logger.exception("a job can't be read", extra={"job": record["messageId"]})
        yield Received(
            record["messageId"],
            record["receiptHandle"],
            attributes["MessageGroupId"],
            int(attributes["ApproximateReceiveCount"]),
            job,
        )


def job_of(body: str) -> Job:
    """Read the job that a message holds. Raises ValueError where it holds none."""
    try:
        return _job(json.loads(body))
    except (KeyError, TypeError) as exc:
        raise ValueError(f"no job: {exc!r}") from exc


def _document(job: Job) -> dict[str, Any]:
    if isinstance(job, CatchUpJob):
        return {
            "job": "catch_up",
            "audience": job.audience,
            "session_id": job.session_id,
            "connection_id": job.connection_id,
            "place": job.place,
        }
    event = job.event
    return {
        "job": "shard",
        "shard": job.shard,
        "follows_start": job.follows_start,
        "session_id": event.session_id,
        "type": event.type,
        "envelope": event.envelope,
        "epoch": event.cursor.epoch,
        "sequence": event.cursor.sequence,
        "sessions_epoch": event.sessions_cursor.epoch if event.sessions_cursor else None,
    }


def _job(document: dict[str, Any]) -> Job:
    session_id = int(document["session_id"])
    if document["job"] == "catch_up":
        return CatchUpJob(document["audience"], session_id, document["connection_id"], int(document["place"]))
    if document["job"] != "shard":
        raise ValueError(document["job"])
    sessions_epoch = document["sessions_epoch"]
    event = Event(
        session_id,
        EventType(document["type"]),
        document["envelope"],
        Cursor(document["epoch"], int(document["sequence"])),
        Cursor(sessions_epoch, session_id) if sessions_epoch else None,
    )
    return ShardJob(event, int(document["shard"]), bool(document["follows_start"]))

"""Sends jobs to the delivery queue, an SQS FIFO queue, and decodes its messages."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from chalicelib.aws.json_api import SqsApi
from chalicelib.delivery.jobs import CatchUpJob, FanOutJob, Job, Pending, Received
from chalicelib.errors import Unavailable
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType

BATCH_SIZE = 10
"""The most that SendMessageBatch takes."""

logger = logging.getLogger(__name__)


class SqsJobQueue:
    """``delivery.ports.JobQueue`` on SQS."""

    def __init__(self, api: SqsApi, url: str) -> None:
        self._api = api
        self._url = url

    async def send(self, jobs: Sequence[Job]) -> None:
        """See the port."""
        for start in range(0, len(jobs), BATCH_SIZE):
            entries = [
                {
                    "Id": str(number),
                    "MessageBody": json.dumps(_document(job), separators=(",", ":")),
                    "MessageGroupId": job.group,
                    "MessageDeduplicationId": job.name,
                }
                for number, job in enumerate(jobs[start : start + BATCH_SIZE])
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


def received_jobs(records: Iterable[dict[str, Any]]) -> Iterator[Received]:
    """Yield the jobs of a batch as Lambda passes it.

    An unreadable message is logged as an error and yields None for its job. A retry would not make it
    readable.
    """
    for record in records:
        job: Job | None = None
        try:
            job = job_of(record["body"])
        except ValueError:
            logger.exception("a job can't be read", extra={"job": record["messageId"]})
        attempt = int(record["attributes"]["ApproximateReceiveCount"])
        yield Received(record["messageId"], record["receiptHandle"], attempt, job)


def job_of(body: str) -> Job:
    """Read the job of a message. Raises ValueError if there is none."""
    try:
        return _job(json.loads(body))
    except (AttributeError, LookupError, TypeError) as exc:
        raise ValueError(f"no job: {exc!r}") from exc


def _document(job: Job) -> dict[str, Any]:
    return {"job": "catch_up" if isinstance(job, CatchUpJob) else "fan_out", **msgspec.to_builtins(job)}


def _job(document: dict[str, Any]) -> Job:
    kind = document.pop("job")
    if kind == "catch_up":
        return CatchUpJob(**document)
    if kind != "fan_out":
        raise ValueError(kind)
    event, pending = document.pop("event"), document.pop("pending")
    cursor, kind = Cursor(**event.pop("cursor")), EventType(event.pop("type"))
    if pending is not None:
        pending = Pending(pending["since"], Cursor(**pending["newest"]))
    return FanOutJob(Event(cursor=cursor, type=kind, **event), pending=pending, **document)

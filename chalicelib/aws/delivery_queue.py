"""Sends jobs to the delivery queue, an SQS FIFO queue, and decodes its messages."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from chalicelib.aws.json_api import SqsApi
from chalicelib.delivery.jobs import Job, Received
from chalicelib.errors import Unavailable

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
                    "MessageBody": json.dumps(msgspec.to_builtins(job), separators=(",", ":")),
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
    job: Job = msgspec.json.decode(body, type=Job)
    return job

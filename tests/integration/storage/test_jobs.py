from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.domain.connections import session_audience
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.jobs import CatchUpJob, Job, Received, ShardJob, shard_jobs
from chalicelib.storage.jobs import SqsJobQueue, received_jobs
from tests.fakes.crowd import later, started

REGION = "us-east-1"
CATCH_UP = CatchUpJob(session_audience(17), 17, "L0SM9cOFvHcCIhw=", 3)


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    with mock_aws():
        yield boto3.client("sqs", REGION)


@pytest.fixture
def url(sqs: Any) -> str:
    attributes = {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    return str(sqs.create_queue(QueueName="jobs.fifo", Attributes=attributes)["QueueUrl"])


def taken(sqs: Any, url: str) -> list[Received]:
    """Receive everything, and hand it over as Lambda does."""
    messages: list[dict[str, Any]] = []
    while page := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    ).get("Messages"):
        messages += page
    return [
        *received_jobs(
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "attributes": one["Attributes"],
            }
            for one in messages
        )
    ]


@pytest.mark.parametrize(
    "job", [ShardJob(started(17), 3), ShardJob(later(17, 2), 0, follows_start=True), CATCH_UP]
)
def test_a_job_is_received_as_it_was_sent(sqs: Any, url: str, job: Job) -> None:
    SqsJobQueue(url, REGION, None).send([job])

    (received,) = taken(sqs, url)

    assert received.job == job
    assert (received.group, received.attempt) == (job.group, 1)


def test_more_jobs_than_one_request_takes_are_all_sent_once(sqs: Any, url: str) -> None:
    queue = SqsJobQueue(url, REGION, None)
    jobs = shard_jobs(later(17, 3), 24, queued_since=1)

    queue.send(jobs)
    queue.send(jobs)

    assert [one.job for one in taken(sqs, url)] == jobs


def test_a_delayed_job_and_its_group_come_later(sqs: Any, url: str) -> None:
    queue = SqsJobQueue(url, REGION, None)
    queue.send([CATCH_UP])
    (received,) = taken(sqs, url)

    queue.delay(received, 0)
    (again,) = taken(sqs, url)
    queue.delay(again, 60)

    assert (again.id, again.attempt) == (received.id, 2)
    assert taken(sqs, url) == []


def test_a_queue_that_is_not_there_is_unavailable(sqs: Any, url: str) -> None:
    sqs.delete_queue(QueueUrl=url)

    with pytest.raises(Unavailable):
        SqsJobQueue(url, REGION, None).send([CATCH_UP])
    with pytest.raises(Unavailable):
        SqsJobQueue(url, REGION, None).delay(Received("1", "r", "g", 1, CATCH_UP), 3)


@pytest.mark.parametrize(
    "body", ["", "{}", '{"job":"dance","session_id":17}', '{"job":"shard","session_id":17}', "[]"]
)
def test_a_job_that_cannot_be_read_is_handed_on_without_one(body: str) -> None:
    attributes = {"MessageGroupId": "g", "ApproximateReceiveCount": "2"}
    record = {"messageId": "1", "receiptHandle": "r", "body": body, "attributes": attributes}

    assert [*received_jobs([record])] == [Received("1", "r", "g", 2, None)]

import ssl
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import boto3
import pytest

from chalicelib.aws.delivery_queue import SqsJobQueue, received_jobs
from chalicelib.aws.json_api import SqsApi
from chalicelib.aws.signature import Keys
from chalicelib.connections.connection import session_audience
from chalicelib.delivery.jobs import CatchUpJob, Job, Received, ShardJob, shard_jobs
from chalicelib.errors import Unavailable
from infra.local.engine import BUT_DYNAMODB, embedded_engine
from infra.local.state import StateDir
from tests.fakes.crowd import later, started

REGION = "us-east-1"
CATCH_UP = CatchUpJob(session_audience(17), 17, "L0SM9cOFvHcCIhw=", 3)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded_engine(StateDir(tmp_path_factory.mktemp("engine")), print, BUT_DYNAMODB) as url:
        yield url


@pytest.fixture
def sqs(engine: str) -> Any:
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client("sqs", REGION, endpoint_url=engine, **keys)


@pytest.fixture
def url(sqs: Any) -> str:
    attributes = {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    return str(sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes=attributes)["QueueUrl"])


@pytest.fixture
async def queue(engine: str, url: str) -> AsyncIterator[SqsJobQueue]:
    keys = Keys("local", "local")
    api = SqsApi(engine, REGION, lambda: keys, ssl.create_default_context)
    yield SqsJobQueue(api, url)
    await api.close()


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
async def test_a_job_is_received_as_it_was_sent(queue: SqsJobQueue, sqs: Any, url: str, job: Job) -> None:
    await queue.send([job])

    (received,) = taken(sqs, url)

    assert received.job == job
    assert (received.group, received.attempt) == (job.group, 1)


async def test_more_jobs_than_one_request_takes_are_all_sent_once(
    queue: SqsJobQueue, sqs: Any, url: str
) -> None:
    jobs = shard_jobs(later(17, 3), 24, queued_since=1)

    await queue.send(jobs)
    await queue.send(jobs)

    assert [one.job for one in taken(sqs, url)] == jobs


async def test_the_same_connection_can_catch_up_twice(queue: SqsJobQueue, sqs: Any, url: str) -> None:
    came = []
    for _ in range(2):
        await queue.send([CATCH_UP])
        (received,) = taken(sqs, url)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=received.receipt)
        came.append(received.job)

    assert came == [CATCH_UP, CATCH_UP]


async def test_a_delayed_job_and_its_group_come_later(queue: SqsJobQueue, sqs: Any, url: str) -> None:
    await queue.send([CATCH_UP])
    (received,) = taken(sqs, url)

    await queue.delay(received, 0)
    (again,) = taken(sqs, url)
    await queue.delay(again, 60)

    assert (again.id, again.attempt) == (received.id, 2)
    assert taken(sqs, url) == []


async def test_a_queue_that_is_not_there_is_unavailable(queue: SqsJobQueue, sqs: Any, url: str) -> None:
    sqs.delete_queue(QueueUrl=url)

    with pytest.raises(Unavailable):
        await queue.send([CATCH_UP])
    with pytest.raises(Unavailable):
        await queue.delay(Received("1", "r", "g", 1, CATCH_UP), 3)


async def test_jobs_of_which_the_queue_takes_only_some_have_to_be_sent_again() -> None:
    class Full(SqsApi):
        async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            assert operation == "SendMessageBatch"
            first, *rest = arguments["Entries"]
            assert rest == []
            return {"Failed": [{"Id": first["Id"], "Code": "InternalError", "SenderFault": False}]}

    api = Full("http://localhost", REGION, lambda: Keys("local", "local"), ssl.create_default_context)

    with pytest.raises(Unavailable, match="InternalError"):
        await SqsJobQueue(api, "url").send([CATCH_UP])


UNREADABLE = ["", "{}", "[]", '{"job":"dance","session_id":17}', '{"job":"shard","session_id":17}']


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_job_that_cannot_be_read_is_handed_on_without_one(body: str) -> None:
    attributes = {"MessageGroupId": "g", "ApproximateReceiveCount": "2"}
    record = {"messageId": "1", "receiptHandle": "r", "body": body, "attributes": attributes}

    assert [*received_jobs([record])] == [Received("1", "r", "g", 2, None)]

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from chalicelib.aws.delivery_queue import SqsJobQueue, received_jobs
from chalicelib.aws.http import HttpClient
from chalicelib.aws.json_api import SqsApi
from chalicelib.delivery.jobs import CatchUpJob, FanOutJob, Job, Pending, Received
from chalicelib.errors import Unavailable
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import session_stream
from chalicelib.settings import Keys
from infra.local.engine.embedded import BUT_DYNAMODB, embedded_engine
from infra.local.state import StateDir
from tests.fakes.crowd import later, started

REGION = "us-east-1"
CATCH_UP = CatchUpJob(session_stream(17), "L0SM9cOFvHcCIhw=", 3)


def keys() -> Keys:
    return Keys("local", "local")


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
    http = HttpClient()
    yield SqsJobQueue(SqsApi(http, engine, REGION, keys), url)
    await http.close()


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


FIRST, THIRD = Pending(2, Cursor("e17", 2)), later(17, 3)
JOBS = [
    FanOutJob(started(17), 3, first=17, pending=None),
    FanOutJob(later(17, 2), 0, first=2, pending=None),
    FanOutJob(THIRD, 7, first=2, pending=FIRST),
    CATCH_UP,
]


@pytest.mark.parametrize("job", JOBS)
async def test_a_job_is_received_as_it_was_sent(queue: SqsJobQueue, sqs: Any, url: str, job: Job) -> None:
    await queue.send([job])

    (received,) = taken(sqs, url)

    assert received.job == job
    assert received.attempt == 1


async def test_more_jobs_than_a_batch_takes_are_sent_once(queue: SqsJobQueue, sqs: Any, url: str) -> None:
    jobs = [FanOutJob(THIRD, shard, first=3, pending=None) for shard in range(24)]

    await queue.send(jobs)
    await queue.send(jobs)

    assert [one.job for one in taken(sqs, url)] == jobs


async def test_a_catch_up_is_sent_once_until_progress(queue: SqsJobQueue, sqs: Any, url: str) -> None:
    came = []
    for job in (CATCH_UP, CATCH_UP, replace(CATCH_UP, behind=4)):
        await queue.send([job])
        for received in taken(sqs, url):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=received.receipt)
            came.append(received.job)

    assert came == [CATCH_UP, replace(CATCH_UP, behind=4)]


async def test_a_delayed_job_delays_its_group_and_no_other(queue: SqsJobQueue, sqs: Any, url: str) -> None:
    other = replace(CATCH_UP, connection_id="other=")
    await queue.send([CATCH_UP])
    (received,) = taken(sqs, url)
    await queue.delay(received, 0)
    (again,) = taken(sqs, url)
    await queue.delay(again, 60)

    await queue.send([replace(CATCH_UP, behind=4), other])

    assert (again.id, again.attempt) == (received.id, 2)
    assert [one.job for one in taken(sqs, url)] == [other]


async def test_a_queue_that_is_not_there_is_unavailable(queue: SqsJobQueue, sqs: Any, url: str) -> None:
    sqs.delete_queue(QueueUrl=url)

    with pytest.raises(Unavailable):
        await queue.send([CATCH_UP])
    with pytest.raises(Unavailable):
        await queue.delay(Received("1", "r", 1, CATCH_UP), 3)


async def test_jobs_of_which_some_are_refused_are_unavailable() -> None:
    class Full(SqsApi):
        async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            assert operation == "SendMessageBatch"
            first, *rest = arguments["Entries"]
            assert rest == []
            return {"Failed": [{"Id": first["Id"], "Code": "InternalError", "SenderFault": False}]}

    api = Full(HttpClient(), "http://localhost", REGION, keys)

    with pytest.raises(Unavailable, match="InternalError"):
        await SqsJobQueue(api, "url").send([CATCH_UP])


EVENT = {
    "stream": "session:17",
    "cursor": {"epoch": "e", "sequence": 2},
    "type": "game.added",
    "envelope": "{}",
}
FAN_OUT = {"job": "fan_out", "event": EVENT, "shard": 0, "first": 2, "pending": None}
UNREADABLE = [
    "",
    "{}",
    "[]",
    '{"job":"dance","stream":"session:17"}',
    '{"job":"catch_up","stream":"session:17"}',
    *(json.dumps({key: FAN_OUT[key] for key in FAN_OUT if key != missing}) for missing in FAN_OUT),
    *(
        json.dumps(FAN_OUT | {"event": {key: EVENT[key] for key in EVENT if key != missing}})
        for missing in EVENT
    ),
    json.dumps(FAN_OUT | {"event": EVENT | {"type": "game.exploded"}}),
    json.dumps(FAN_OUT | {"event": 17}),
    json.dumps(FAN_OUT | {"pending": {"since": 2}}),
    json.dumps(FAN_OUT | {"pending": [2]}),
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_an_unreadable_message_is_handed_on_without_a_job(body: str) -> None:
    attributes = {"ApproximateReceiveCount": "2"}
    record = {"messageId": "1", "receiptHandle": "r", "body": body, "attributes": attributes}

    assert [*received_jobs([record])] == [Received("1", "r", 2, None)]

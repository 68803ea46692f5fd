import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest

from infra.local.engine.queues import EngineQueue, Message
from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.queue_poller import poll_queue, queue_event

MESSAGE = {
    "MessageId": "1",
    "ReceiptHandle": "receipt-1",
    "Body": "{}",
    "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
    "Attributes": {"MessageGroupId": "g", "ApproximateReceiveCount": "2"},
}


class FakeQueue:
    """A queue that hands out each message once."""

    def __init__(self, *ids: str) -> None:
        self.waiting = list(ids)
        self.deleted: list[str] = []
        self.troubles: list[Exception] = []

    def receive(self, count: int) -> Sequence[Message]:
        if self.troubles:
            raise self.troubles.pop(0)
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return [{**MESSAGE, "MessageId": one} for one in taken]

    def delete(self, message: Message) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.deleted.append(message["MessageId"])


class Function:
    """Remembers what it was handed, and answers when it is told to."""

    def __init__(self, *answers: Any) -> None:
        self.batches: list[list[str]] = []
        self.answers = list(answers)
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, messages: Sequence[Message]) -> Any:
        self.batches.append([one["MessageId"] for one in messages])
        await self.may_answer.wait()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def polling(
    queue: FakeQueue, function: Function, *, batch_size: int = 1, concurrency: int = 2
) -> AsyncIterator[None]:
    poll = poll_queue(
        cast("EngineQueue", queue),
        function,
        batch_size=batch_size,
        concurrency=concurrency,
        sleep=lambda _: asyncio.sleep(0),
    )
    task = asyncio.create_task(poll)
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def becomes(said: Callable[[], Any], wanted: Any) -> None:
    async with asyncio.timeout(60):
        while said() != wanted:  # noqa: ASYNC110 - the fakes tell nobody, and threads take part
            await asyncio.sleep(0)


async def test_only_what_did_not_fail_is_deleted() -> None:
    queue = FakeQueue("1", "2", "3", "4")
    function = Function({"batchItemFailures": [{"itemIdentifier": "2"}]})

    async with polling(queue, function, batch_size=3):
        await becomes(lambda: sorted(queue.deleted), ["1", "3", "4"])


@pytest.mark.parametrize(
    "answer",
    [
        FunctionFailed("raised"),
        RuntimeError("not handed over"),
        "no mapping",
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{}]},
    ],
)
async def test_nothing_of_a_failed_batch_is_deleted(answer: Any) -> None:
    queue = FakeQueue("1", "2", "3", "4")
    function = Function(answer)

    async with polling(queue, function, batch_size=2, concurrency=1):
        await becomes(lambda: queue.deleted, ["3", "4"])

    assert function.batches == [["1", "2"], ["3", "4"]]


async def test_no_more_batches_than_allowed_are_in_work() -> None:
    queue, function = FakeQueue("1", "2", "3"), Function()
    function.may_answer.clear()

    async with polling(queue, function, concurrency=2):
        await becomes(lambda: len(function.batches), 2)
        waiting = list(queue.waiting)
        function.may_answer.set()
        await becomes(lambda: sorted(queue.deleted), ["1", "2", "3"])

    assert waiting == ["3"]


async def test_trouble_with_the_queue_does_not_end_it() -> None:
    queue, function = FakeQueue("1"), Function()
    queue.troubles = [OSError("away"), OSError("still away")]
    function.may_answer.clear()

    async with polling(queue, function, concurrency=1):
        await becomes(lambda: function.batches, [["1"]])
        queue.troubles = [OSError("away when it is deleted")]
        queue.waiting = ["2"]
        function.may_answer.set()
        await becomes(lambda: queue.deleted, ["2"])


def test_a_message_reads_as_lambda_hands_it_over() -> None:
    assert queue_event([MESSAGE], "arn:aws:sqs:us-east-1:000000000000:q.fifo") == {
        "Records": [
            {
                "messageId": "1",
                "receiptHandle": "receipt-1",
                "body": "{}",
                "attributes": {"MessageGroupId": "g", "ApproximateReceiveCount": "2"},
                "messageAttributes": {},
                "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q.fifo",
                "awsRegion": "us-east-1",
            }
        ]
    }

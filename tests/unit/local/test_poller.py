import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.pace import Pace
from infra.local.triggers.stream_event import Record
from infra.local.triggers.stream_mapping import ShardQueue, StreamMapping
from infra.local.triggers.stream_poller import StreamPoller
from infra.local.triggers.stream_reader import (
    IteratorExpired,
    Page,
    RecordsTrimmed,
    Shard,
    StreamGone,
    StreamUnavailable,
)

EAGER = Pace(quick=0.001, idle=0.001, busy=0.001, retry=0.001, retry_at_most=0.001, discover=0.001)
PATIENT = Pace(quick=1000, idle=1000, retry=0.001, retry_at_most=0.001, discover=1000)


def record(number: int) -> dict[str, Any]:
    return {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": 0}}


class FakeStream:
    """A stream in memory: an iterator is ``shard:position``."""

    def __init__(self, *shards: str) -> None:
        self.name = "stream-1"
        self.records: dict[str, list[int]] = {shard: [] for shard in shards}
        self.parents: dict[str, str] = {}
        self.closed: set[str] = set()
        self.troubles: list[Exception] = []
        self.trimmed = False
        self.looked = threading.Event()

    def arn(self) -> str:
        return self.name

    def shards(self, arn: str) -> list[Shard]:
        assert arn == self.name
        return [Shard(shard, self.parents.get(shard), shard in self.closed) for shard in self.records]

    def iterator(self, arn: str, shard: str, kind: str, sequence_number: str | None = None) -> str:
        assert arn == self.name
        if kind == "LATEST":
            return f"{shard}:{len(self.records[shard])}"
        if kind == "TRIM_HORIZON":
            return f"{shard}:0"
        if self.trimmed:
            raise RecordsTrimmed
        return f"{shard}:{self.records[shard].index(int(sequence_number or 0)) + 1}"

    def page(self, iterator: str) -> Page:
        self.looked.set()
        if self.troubles:
            raise self.troubles.pop(0)
        shard, _, position = iterator.partition(":")
        numbers = self.records[shard][int(position) :]
        end = len(self.records[shard])
        more = None if shard in self.closed else f"{shard}:{end}"
        return Page([record(number) for number in numbers], more)


class Function:
    """Remembers what it was handed; fails as often as it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.failures: list[Exception] = []
        self.answers: list[Any] = []
        self._got = asyncio.Event()

    async def __call__(self, records: Sequence[Record], stream_arn: str) -> Any:
        assert stream_arn.startswith("stream-")
        self.batches.append([int(one["dynamodb"]["SequenceNumber"]) for one in records])
        self._got.set()
        if self.failures:
            raise self.failures.pop(0)
        return self.answers.pop(0) if self.answers else None

    async def has_batches(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.batches) < count:
                self._got.clear()
                await self._got.wait()


@asynccontextmanager
async def polling(stream: FakeStream, function: Function, pace: Pace = EAGER) -> AsyncIterator[StreamPoller]:
    mapping = StreamMapping(report_batch_item_failures=True)
    poller = StreamPoller(
        stream, function, lambda _arn, _shard: ShardQueue(mapping, lambda: 0, lambda _: None), pace
    )
    await poller.position()
    task = asyncio.create_task(poller.run())
    yield poller
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_comes_after_the_start_is_delivered_in_order_and_nothing_before() -> None:
    stream, function = FakeStream("a"), Function()
    stream.records["a"] = [1, 2]

    async with polling(stream, function):
        stream.records["a"] += [3]
        await function.has_batches(1)
        stream.records["a"] += [4, 5]
        await function.has_batches(2)

    assert function.batches == [[3], [4, 5]]


async def test_a_nudge_makes_it_look_at_once() -> None:
    stream, function = FakeStream("a"), Function()

    async with polling(stream, function, PATIENT) as poller:
        await asyncio.to_thread(stream.looked.wait)
        stream.records["a"] += [1]
        poller.nudge()
        await function.has_batches(1)

    assert function.batches == [[1]]


async def test_a_batch_whose_function_failed_comes_again() -> None:
    stream, function = FakeStream("a"), Function()
    function.failures = [FunctionFailed("it raised"), RuntimeError("a defect of the gateway")]

    async with polling(stream, function):
        stream.records["a"] += [1]
        await function.has_batches(3)

    assert function.batches == [[1], [1], [1]]


async def test_from_the_reported_record_on_a_batch_comes_again() -> None:
    stream, function = FakeStream("a"), Function()
    function.answers = [{"batchItemFailures": [{"itemIdentifier": "2"}]}]

    async with polling(stream, function, PATIENT) as poller:
        stream.records["a"] += [1, 2, 3]
        poller.nudge()
        await function.has_batches(2)

    assert function.batches == [[1, 2, 3], [2, 3]]


async def test_a_shard_that_fails_does_not_hold_up_another() -> None:
    stream, function = FakeStream("a", "b"), Function()
    function.failures = [FunctionFailed("it raised")] * 100

    async with polling(stream, function):
        stream.records["a"] += [1]
        await function.has_batches(1)
        stream.records["b"] += [2]
        async with asyncio.timeout(60):
            while [2] not in function.batches:
                await function.has_batches(len(function.batches) + 1)

    assert [1] in function.batches


async def test_children_of_a_closed_shard_are_read_from_their_beginning_once_it_has_ended() -> None:
    stream, function = FakeStream("a"), Function()

    async with polling(stream, function):
        stream.records["a"] += [1]
        stream.records["b"] = [2]
        stream.parents["b"] = "a"
        stream.closed.add("a")
        await function.has_batches(2)

    assert function.batches == [[1], [2]]


async def test_no_trouble_with_the_stream_ends_it() -> None:
    stream, function = FakeStream("a"), Function()
    stream.records["a"] = [1]

    async with polling(stream, function):
        stream.records["a"] += [2]
        await function.has_batches(1)
        stream.troubles = [StreamUnavailable("down"), IteratorExpired(), ValueError("unheard of")]
        stream.records["a"] += [3]
        await function.has_batches(2)

    assert function.batches == [[2], [3]]


async def test_where_records_were_trimmed_it_goes_on_with_the_oldest_there_is() -> None:
    stream, function = FakeStream("a"), Function()

    async with polling(stream, function):
        stream.records["a"] += [1]
        await function.has_batches(1)
        stream.records["a"] = [8, 9]
        stream.trimmed = True
        stream.troubles = [IteratorExpired()]
        await function.has_batches(2)

    assert function.batches == [[1], [8, 9]]


async def test_a_stream_that_was_replaced_is_followed_from_its_beginning() -> None:
    stream, function = FakeStream("a"), Function()

    async with polling(stream, function):
        stream.name = "stream-2"
        stream.records = {"b": [1]}
        stream.troubles = [StreamGone("table recreated")]
        await function.has_batches(1)

    assert function.batches == [[1]]


async def test_records_gather_where_look_after_look_finds_some() -> None:
    stream = FakeStream("a")

    class Busy(Function):
        """While each of the first two batches is handled another record comes, and more right after."""

        async def __call__(self, records: Sequence[Record], stream_arn: str) -> Any:
            if len(self.batches) < 2:
                stream.records["a"] += [len(self.batches) + 2]
            if len(self.batches) == 1:
                asyncio.get_running_loop().call_later(0.01, stream.records["a"].extend, [4, 5])
            return await super().__call__(records, stream_arn)

    function = Busy()
    async with polling(stream, function, Pace(quick=0.001, idle=0.001, busy=0.5)):
        stream.records["a"] += [1]
        await function.has_batches(3)

    assert function.batches == [[1], [2], [3, 4, 5]]

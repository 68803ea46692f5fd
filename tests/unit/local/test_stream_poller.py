import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from chalicelib.errors import Unavailable
from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.stream_event import Record
from infra.local.triggers.stream_mapping import WITHOUT_END, Batch
from infra.local.triggers.stream_poller import StreamPoller
from infra.local.triggers.stream_reader import (
    IteratorExpired,
    Page,
    RecordsTrimmed,
    Shard,
    StreamGone,
    TableStream,
)


class FakeStream:
    """A stream in memory: an iterator is ``shard:position``."""

    def __init__(self) -> None:
        self.name = "stream-1"
        self.records: dict[str, list[int]] = {"a": []}
        self.parents: dict[str, str] = {}
        self.closed: set[str] = set()
        self.troubles: list[Exception] = []
        self.trimmed = False

    async def arn(self) -> str:
        return self.name

    async def shards(self, arn: str) -> list[Shard]:
        assert arn == self.name
        return [Shard(shard, self.parents.get(shard), shard in self.closed) for shard in self.records]

    async def iterator(self, arn: str, shard: str, kind: str, sequence_number: str | None = None) -> str:
        assert arn == self.name
        if kind == "LATEST":
            return f"{shard}:{len(self.records[shard])}"
        if kind == "TRIM_HORIZON":
            return f"{shard}:0"
        if self.trimmed:
            raise RecordsTrimmed
        return f"{shard}:{self.records[shard].index(int(sequence_number or 0)) + 1}"

    async def page(self, iterator: str) -> Page:
        if self.troubles:
            raise self.troubles.pop(0)
        shard, _, position = iterator.partition(":")
        records = [
            {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": 0}}
            for number in self.records[shard][int(position) :]
        ]
        return Page(records, None if shard in self.closed else f"{shard}:{len(self.records[shard])}")


class Lambda:
    """The function and the failure destination: remembers what each was given, fails as it is told to."""

    def __init__(self, *outcomes: Any, destination: Sequence[Exception] = ()) -> None:
        self.batches: list[list[int]] = []
        self.given_up: list[tuple[str, str]] = []
        self._outcomes = list(outcomes)
        self._destination = list(destination)
        self._changed = asyncio.Event()

    async def function(self, records: Sequence[Record], _arn: str) -> Any:
        self.batches.append([int(one["dynamodb"]["SequenceNumber"]) for one in records])
        self._changed.set()
        outcome = self._outcomes.pop(0) if self._outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def destination(self, _batch: Batch, arn: str, shard: str) -> None:
        if self._destination:
            raise self._destination.pop(0)
        self.given_up.append((arn, shard))

    async def has_batches(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.batches) < count:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def polling(stream: FakeStream, lambda_: Lambda, attempts: int = WITHOUT_END) -> AsyncIterator[None]:
    poller = StreamPoller(
        cast("TableStream", stream),
        {
            "MaximumRetryAttempts": attempts,
            "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
        },
        lambda_.function,
        lambda_.destination,
        sleep=lambda _: asyncio.sleep(0),
    )
    await poller.position()
    task = asyncio.create_task(poller.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_comes_after_the_start_is_delivered_in_order() -> None:
    stream, lambda_ = FakeStream(), Lambda()
    stream.records["a"] = [1, 2]

    async with polling(stream, lambda_):
        stream.records["a"] += [3]
        await lambda_.has_batches(1)
        stream.records["a"] += [4, 5]
        await lambda_.has_batches(2)

    assert lambda_.batches == [[3], [4, 5]]


async def test_a_failed_batch_comes_again() -> None:
    stream, lambda_ = FakeStream(), Lambda(FunctionFailed("it raised"), RuntimeError("our defect"))

    async with polling(stream, lambda_):
        stream.records["a"] += [1]
        await lambda_.has_batches(3)

    assert lambda_.batches == [[1], [1], [1]]


async def test_what_is_given_up_is_reported_before_the_next_batch() -> None:
    stream = FakeStream()
    lambda_ = Lambda(FunctionFailed("it raised"), destination=[OSError("no answer")] * 3)

    async with polling(stream, lambda_, attempts=0):
        stream.records["a"] += [1]
        await lambda_.has_batches(1)
        stream.records["a"] += [2]
        await lambda_.has_batches(2)

    assert lambda_.given_up == [("stream-1", "a")]
    assert lambda_.batches == [[1], [2]]


async def test_a_closed_shards_children_are_read_after_it() -> None:
    stream, lambda_ = FakeStream(), Lambda()

    async with polling(stream, lambda_):
        stream.records["a"] += [1]
        stream.records["b"] = [2]
        stream.parents["b"] = "a"
        stream.closed.add("a")
        await lambda_.has_batches(2)

    assert lambda_.batches == [[1], [2]]


async def test_no_trouble_with_the_stream_ends_it() -> None:
    stream, lambda_ = FakeStream(), Lambda()

    async with polling(stream, lambda_):
        stream.records["a"] += [2]
        await lambda_.has_batches(1)
        stream.troubles = [Unavailable("down"), IteratorExpired(), ValueError("unheard of")]
        stream.records["a"] += [3]
        await lambda_.has_batches(2)

    assert lambda_.batches == [[2], [3]]


async def test_after_trimming_it_goes_on_with_the_oldest_record() -> None:
    stream, lambda_ = FakeStream(), Lambda()

    async with polling(stream, lambda_):
        stream.records["a"] += [1]
        await lambda_.has_batches(1)
        stream.records["a"] = [8, 9]
        stream.trimmed = True
        stream.troubles = [IteratorExpired()]
        await lambda_.has_batches(2)

    assert lambda_.batches == [[1], [8, 9]]


async def test_a_replaced_stream_is_read_from_its_beginning() -> None:
    stream, lambda_ = FakeStream(), Lambda()

    async with polling(stream, lambda_):
        stream.name = "stream-2"
        stream.records = {"b": [1]}
        stream.troubles = [StreamGone("table recreated")]
        await lambda_.has_batches(1)

    assert lambda_.batches == [[1]]

import asyncio
from typing import Any

import pytest

from chalicelib.connections.messages import Message
from chalicelib.delivery.ports import AudiencePage
from chalicelib.errors import Unavailable
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import SESSIONS_STREAM, LoggedEvent
from tests.fakes.crowd import crowd, later, logged, start, started, subscribe
from tests.fakes.delivery import FakeDelivery
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore
from tests.unit.delivery.deliveries import STREAM, Deliveries


async def broadcast(deliveries: Deliveries, records: list[LoggedEvent], *, within: float = 60) -> list[str]:
    return await deliveries.delivery.broadcast.run(records, within=within)


async def test_an_event_goes_to_those_who_follow_its_stream() -> None:
    store, push = FakeConnectionStore(2), FakePush()
    first, second = crowd(store, 2)
    subscribe(store, first, 1)
    subscribe(store, second, 2)
    of_all, of_1 = started(1), later(1, 2)

    again = await FakeDelivery(store, push).broadcast.run(logged(of_1, of_all), within=60)

    assert again == []
    assert sorted(push.posts) == sorted([(first, of_1.plain), (first, of_all.plain), (second, of_all.plain)])


async def test_streams_are_delivered_at_the_same_time() -> None:
    class Meeting(FakePush):
        """A push in which no post ends before two have begun."""

        def __init__(self) -> None:
            super().__init__()
            self.both = asyncio.Barrier(2)

        async def begin(self, _message: Message, _within: float) -> None:
            await self.both.wait()

    store, push = FakeConnectionStore(1), Meeting()
    (one,) = crowd(store, 1)
    subscribe(store, one, 1)
    subscribe(store, one, 2)

    again = await FakeDelivery(store, push).broadcast.run(logged(later(1, 2), later(2, 2)), within=60)

    assert again == []
    assert len(push.posts) == 2


async def test_an_event_is_begun_however_little_time_is_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    deliveries = Deliveries()

    again = await broadcast(deliveries, deliveries.log(3), within=1)

    assert again == ["3", "4"]
    assert deliveries.heard() == [2]
    [line] = [vars(record) for record in caplog.records if "come again" in record.message]
    assert (line["unfinished"], line["metrics"]) == (2, ["unfinished"])


@pytest.mark.parametrize(
    ("followers", "page_size", "jobs"), [(0, 1000, 0), (4, 1000, 0), (5, 1000, 2), (4, 1, 2)]
)
async def test_only_a_large_audience_is_left_to_jobs(followers: int, page_size: int, jobs: int) -> None:
    deliveries = Deliveries(followers, inline=4, shards=2)
    deliveries.store.page_size = page_size

    again = await broadcast(deliveries, deliveries.log())

    assert again == []
    assert len(deliveries.delivery.queue.jobs()) == jobs
    assert len(deliveries.push.posts) == (0 if jobs else followers)


async def test_events_wait_behind_jobs_that_are_pending() -> None:
    deliveries = Deliveries(2, inline=1)
    await broadcast(deliveries, deliveries.log())
    deliveries.store.leave("0001=", STREAM)

    await broadcast(deliveries, deliveries.log())
    posted = deliveries.push.posts[:]
    await deliveries.delivery.work()

    assert posted == []
    assert deliveries.heard() == [2, 3]


def fail_at(deliveries: Deliveries, read: int) -> None:
    """Let the ``read``th page of session 1's followers be unreadable, once."""
    audiences = deliveries.delivery.audiences
    right, left = audiences.page, [read]

    async def page(stream: str, *arguments: Any, **named: Any) -> AudiencePage:
        left[0] -= stream == STREAM
        if stream == STREAM and left[0] == 0:
            raise Unavailable("told to")
        return await right(stream, *arguments, **named)

    audiences.page = page  # type: ignore[method-assign]


async def test_what_failed_comes_again_and_nothing_before_it() -> None:
    deliveries = Deliveries()
    subscribe(deliveries.store, "0000=", 2)
    records = [*deliveries.log(3), LoggedEvent("of 2", later(2, 2))]
    fail_at(deliveries, read=2)

    first = await broadcast(deliveries, records)
    before = sorted(deliveries.heard())
    second = await broadcast(deliveries, records)

    assert (first, second) == (["3", "4"], [])
    assert (before, sorted(deliveries.heard())) == ([2, 2], [2, 2, 3, 4])


async def test_a_record_of_several_events_comes_again_once() -> None:
    deliveries = Deliveries()
    together = [LoggedEvent("7", record.event) for record in deliveries.log(3)]
    fail_at(deliveries, read=2)

    again = [await broadcast(deliveries, together) for _ in range(2)]

    assert again == [["7"], []]
    assert deliveries.heard() == [2, 3, 4]


@pytest.mark.parametrize(("call", "heard"), [("progress", []), ("save_handled", [2, 3])])
async def test_without_progress_the_whole_batch_comes_again(
    call: str, heard: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> Any:
        raise Unavailable("told to")

    deliveries = Deliveries()
    records = deliveries.log(2)
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.delivery.progress, call, fails)
        first = await broadcast(deliveries, records)

    second = await broadcast(deliveries, records)

    assert (first, second) == (["2", "3"], [])
    assert deliveries.heard() == [*heard, 2, 3]


@pytest.mark.parametrize("inline", [0, 500])
async def test_a_streams_first_event_given_up_is_caught_up(inline: int) -> None:
    store, push = FakeConnectionStore(1), FakePush()
    crowd(store, 1)
    delivery = FakeDelivery(store, push, inline=inline)
    starts = [start(delivery.sessions) for _ in range(3)]

    await delivery.broadcast.run(logged(starts[1]), within=60)
    await delivery.work_fan_out()
    row = store.audiences[SESSIONS_STREAM]["0000="]
    await delivery.broadcast.run(logged(starts[2]), within=60)
    await delivery.work()

    assert (row.behind, row.missed) == (1, 2)
    assert [body for _, body in push.posts] == [event.plain for event in starts]


@pytest.mark.parametrize("known", [None, Cursor("before the restore", 9)])
@pytest.mark.parametrize("sequence", [2, 9, 11])
async def test_without_progress_positions_show_who_lacks_what(known: Cursor | None, sequence: int) -> None:
    deliveries = Deliveries(3)
    if known is not None:
        await deliveries.delivery.progress.save_handled(STREAM, known)
    deliveries.change("0001=", position=sequence - 1)
    deliveries.change("0002=", position=sequence)
    event = later(1, sequence)

    await broadcast(deliveries, logged(event))

    ready = [sequence]
    lacks = deliveries.row().position < sequence - 1
    assert deliveries.heard_by_all() == {"0000=": [] if lacks else ready, "0001=": ready, "0002=": []}
    assert deliveries.row().behind == (2 if lacks else None)
    assert (await deliveries.delivery.progress.progress(STREAM)).handled == event.cursor

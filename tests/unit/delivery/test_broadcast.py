import asyncio
from typing import Any

import pytest

from chalicelib.connections.messages import Message
from chalicelib.delivery.jobs import Pending
from chalicelib.errors import Unavailable
from chalicelib.nights.events import LoggedEvent
from tests.fakes.crowd import crowd, later, logged, started, subscribe
from tests.fakes.delivery import FakeDelivery
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore
from tests.unit.delivery.deliveries import Deliveries


async def broadcast(deliveries: Deliveries, records: list[LoggedEvent], *, within: float = 60) -> list[str]:
    return await deliveries.delivery.broadcast.run(records, within=within)


async def test_a_start_goes_to_everybody() -> None:
    store, push = FakeConnectionStore(2), FakePush()
    ids = crowd(store, 3)
    event = started(1)

    again = await FakeDelivery(store, push).broadcast.run(logged(event), within=60)

    assert again == []
    assert sorted(push.posts) == [(one, event.plain) for one in ids]


async def test_an_event_goes_to_the_sessions_followers() -> None:
    store, push = FakeConnectionStore(2), FakePush()
    first, second, _ = crowd(store, 3)
    subscribe(store, first, 1)
    subscribe(store, second, 2)

    await FakeDelivery(store, push).broadcast.run(logged(later(1, 2)), within=60)

    assert push.posts == [(first, later(1, 2).plain)]


async def test_whoever_opted_in_gets_the_place_with_the_event() -> None:
    deliveries = Deliveries(2)
    deliveries.change("0001=", wants_cursor=True)
    [record] = deliveries.log()

    await broadcast(deliveries, [record])

    plain = '{"n":2}'
    with_place = '{"n":2,"stream":"session:1","sequence":2,"cursor":"e1:2"}'
    assert deliveries.push.posts == [("0000=", plain.encode()), ("0001=", with_place.encode())]


async def test_events_of_a_stream_come_in_their_order() -> None:
    deliveries = Deliveries(2)

    await broadcast(deliveries, deliveries.log(5))

    assert deliveries.heard_by_all() == {"0000=": [2, 3, 4, 5, 6], "0001=": [2, 3, 4, 5, 6]}


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


async def test_an_event_is_begun_however_little_time_is_left() -> None:
    deliveries = Deliveries()

    again = await broadcast(deliveries, deliveries.log(3), within=1)

    assert again == ["3", "4"]
    assert deliveries.heard() == [2]


async def test_what_there_is_no_time_for_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    deliveries = Deliveries()

    await broadcast(deliveries, deliveries.log(3), within=1)

    [line] = [vars(record) for record in caplog.records if "come again" in record.message]
    assert (line["unfinished"], line["metrics"]) == (2, ["unfinished"])


@pytest.mark.parametrize(("followers", "jobs"), [(0, 0), (4, 0), (5, 2)])
async def test_only_a_large_audience_is_left_to_jobs(followers: int, jobs: int) -> None:
    deliveries = Deliveries(followers, inline=4, shards=2)

    again = await broadcast(deliveries, deliveries.log())

    assert again == []
    assert len(deliveries.delivery.queue.jobs()) == jobs
    assert len(deliveries.push.posts) == (0 if jobs else followers)


async def test_an_audience_of_several_pages_is_large() -> None:
    deliveries = Deliveries(3)
    deliveries.store.page_size = 2

    await broadcast(deliveries, deliveries.log())

    assert deliveries.push.posts == []
    assert len(deliveries.delivery.queue.jobs()) == 1


async def test_behind_events_that_have_jobs_all_go_to_the_queue() -> None:
    deliveries = Deliveries(2, inline=1)
    records = deliveries.log(3)
    await broadcast(deliveries, records[:1])
    deliveries.store.remove("0001=")  # the audience is small now

    await broadcast(deliveries, records[1:])
    before = deliveries.heard()
    await deliveries.delivery.work()

    assert (before, deliveries.heard()) == ([], [2, 3, 4])


async def test_after_all_jobs_a_small_audience_is_posted_to() -> None:
    deliveries = Deliveries(2, inline=1)
    records = deliveries.log(2)
    await broadcast(deliveries, records[:1])
    deliveries.store.remove("0001=")
    await deliveries.delivery.work()

    await broadcast(deliveries, records[1:])

    assert deliveries.delivery.queue.jobs() == []
    assert deliveries.heard() == [2, 3]


async def test_jobs_know_which_events_are_pending_before_theirs() -> None:
    deliveries = Deliveries(2, inline=1)

    await broadcast(deliveries, deliveries.log(3))

    jobs: list[Any] = deliveries.delivery.queue.jobs()
    assert [job.event.sequence for job in jobs] == [2, 3, 4]
    assert [job.pending for job in jobs] == [
        None,
        Pending(1, jobs[0].event.cursor),
        Pending(1, jobs[1].event.cursor),
    ]


async def test_jobs_that_cannot_be_sent_make_the_event_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(_: Any) -> None:
        raise Unavailable("told to")

    deliveries = Deliveries(2, inline=1)
    records = deliveries.log(2)
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.delivery.queue, "send", send)
        first = await broadcast(deliveries, records)

    second = await broadcast(deliveries, records)
    await deliveries.delivery.work()

    assert (first, second) == (["2", "3"], [])
    assert deliveries.heard_by_all() == {"0000=": [2, 3], "0001=": [2, 3]}

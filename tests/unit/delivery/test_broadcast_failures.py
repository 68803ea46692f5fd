"""What broadcast does again after a failure, and what after a gap."""

from typing import Any

import pytest

from chalicelib.delivery.ports import AudiencePage
from chalicelib.errors import Unavailable
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import SESSIONS_STREAM, LoggedEvent
from tests.fakes.crowd import crowd, later, logged, start, subscribe
from tests.fakes.delivery import FakeAudiences, FakeDelivery
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore
from tests.unit.delivery.deliveries import STREAM, Deliveries
from tests.unit.delivery.test_broadcast import broadcast


class Failing(FakeAudiences):
    """Audiences that can't be read where they are told to fail."""

    failing: tuple[str, int] = ("", 0)
    reads = 0

    async def page(self, stream: str, *arguments: Any, **named: Any) -> AudiencePage:
        self.reads += stream == self.failing[0]
        if (stream, self.reads) == self.failing:
            raise Unavailable("told to")
        return await super().page(stream, *arguments, **named)


def failing_at(deliveries: Deliveries, read: int) -> None:
    audiences = Failing(deliveries.store)
    audiences.failing = STREAM, read
    deliveries.delivery.broadcast._audiences = audiences


async def test_after_a_failure_the_rest_of_the_stream_comes_again() -> None:
    deliveries = Deliveries()
    subscribe(deliveries.store, "0000=", 2)
    records = [*deliveries.log(3), LoggedEvent("of 2", later(2, 2))]
    failing_at(deliveries, read=2)

    again = await broadcast(deliveries, records)

    assert again == ["3", "4"]
    assert sorted(deliveries.heard()) == [2, 2]


async def test_what_was_delivered_before_a_failure_is_not_repeated() -> None:
    deliveries = Deliveries()
    records = deliveries.log(3)
    failing_at(deliveries, read=2)
    await broadcast(deliveries, records)

    again = await broadcast(deliveries, records)

    assert again == []
    assert deliveries.heard() == [2, 3, 4]


async def test_a_record_of_several_events_comes_again_once() -> None:
    deliveries = Deliveries()
    together = [LoggedEvent("7", record.event) for record in deliveries.log(3)]
    failing_at(deliveries, read=2)

    first = await broadcast(deliveries, together)
    second = await broadcast(deliveries, together)

    assert (first, second) == (["7"], [])
    assert deliveries.heard() == [2, 3, 4]


async def test_without_progress_nothing_is_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def progress(_: str) -> Any:
        raise Unavailable("told to")

    deliveries = Deliveries()
    monkeypatch.setattr(deliveries.delivery.progress, "progress", progress)

    again = await broadcast(deliveries, deliveries.log(2))

    assert again == ["2", "3"]
    assert deliveries.push.posts == []


async def test_progress_that_is_not_saved_repeats_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    async def save(*_: Any) -> None:
        raise Unavailable("told to")

    deliveries = Deliveries()
    records = deliveries.log(2)
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.delivery.progress, "save_handled", save)
        first = await broadcast(deliveries, records)

    second = await broadcast(deliveries, records)

    assert (first, second) == (["2", "3"], [])
    assert deliveries.heard() == [2, 3, 2, 3]


async def test_an_event_that_was_handled_is_passed_over() -> None:
    deliveries = Deliveries()
    records = deliveries.log(3)
    await broadcast(deliveries, records[:2])

    await broadcast(deliveries, records)

    assert deliveries.heard() == [2, 3, 4]


async def test_whoever_was_caught_up_past_an_event_is_passed_over() -> None:
    deliveries = Deliveries(2)
    deliveries.change("0001=", position=3)

    await broadcast(deliveries, deliveries.log(3))

    assert deliveries.heard_by_all() == {"0000=": [2, 3, 4], "0001=": [4]}


async def test_whoever_is_behind_is_not_posted_to() -> None:
    deliveries = Deliveries()
    deliveries.change(behind=2)
    records = deliveries.log(2)

    await broadcast(deliveries, records)

    assert deliveries.push.posts == []
    assert (deliveries.row().behind, deliveries.row().missed) == (2, 3)


async def test_after_a_gap_everybody_falls_behind() -> None:
    deliveries = Deliveries(2)
    records = deliveries.log(4)
    await broadcast(deliveries, records[:1])

    again = await broadcast(deliveries, records[2:])  # 3 was given up

    assert again == []
    assert deliveries.heard_by_all() == {"0000=": [2], "0001=": [2]}
    assert (deliveries.row().behind, deliveries.row().missed) == (3, 5)


async def test_whoever_fell_behind_after_a_gap_is_caught_up() -> None:
    deliveries = Deliveries(2)
    records = deliveries.log(4)
    await broadcast(deliveries, records[:1])
    await broadcast(deliveries, records[2:])

    await deliveries.delivery.work()

    assert deliveries.heard_by_all() == {"0000=": [2, 3, 4, 5], "0001=": [2, 3, 4, 5]}
    assert (deliveries.row().behind, deliveries.row().position) == (None, 5)


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

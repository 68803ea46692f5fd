import asyncio
from typing import Any

import pytest

from chalicelib.connections.messages import Message, Outcome
from chalicelib.delivery import fan_out
from chalicelib.delivery.fan_out import ShardDelivery
from chalicelib.delivery.jobs import Checkpoint, FanOutJob, Pending, Progress
from chalicelib.delivery.ports import AudiencePage
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event
from tests.fakes.crowd import later
from tests.fakes.loop_clock import LoopClock
from tests.fakes.push import FakePush
from tests.model.world.interruptions import Killed
from tests.unit.delivery.deliveries import STREAM, Deliveries

FOREVER = float("inf")


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out, "PAGE_SIZE", 2)


def job_of(event: Event) -> FanOutJob:
    return FanOutJob(event, 0, event.sequence, None)


def shards_of(deliveries: Deliveries) -> ShardDelivery:
    return deliveries.delivery.worker._shards


async def test_a_job_goes_on_where_its_time_was_over() -> None:
    class Slow(FakePush):
        async def begin(self, _message: Message, _within: float) -> None:
            clock.now += 4

    clock = LoopClock()
    deliveries = Deliveries(6, push=Slow())
    [record] = deliveries.log()

    first = await shards_of(deliveries).run(job_of(record.event), clock.now + 5)
    saved = await deliveries.delivery.progress.checkpoint(STREAM, 0)
    second = await shards_of(deliveries).run(job_of(record.event), clock.now + 5)

    assert (first, second) == (False, True)
    assert saved == Checkpoint(record.event.cursor, 2, "0003=")
    assert [one for one, _ in deliveries.push.posts] == deliveries.ids


async def test_a_dead_worker_repeats_one_page_at_most() -> None:
    class Dying(FakePush):
        """Dies once, within the second page."""

        alive = False

        def post(self, message: Message, recipient: Any, outcome: Outcome) -> None:
            super().post(message, recipient, outcome)
            if recipient.connection_id == "0002=" and not self.alive:
                self.alive = True
                raise Killed

    deliveries = Deliveries(6, push=Dying())
    [record] = deliveries.log()
    with pytest.raises(Killed):
        await shards_of(deliveries).run(job_of(record.event), FOREVER)

    await shards_of(deliveries).run(job_of(record.event), FOREVER)

    posted = [one for one, _ in deliveries.push.posts]
    assert posted == ["0000=", "0001=", "0002=", "0002=", "0003=", "0004=", "0005="]


async def test_a_job_that_comes_twice_is_done_once() -> None:
    deliveries = Deliveries(3)
    records = deliveries.log(2)

    done = [await shards_of(deliveries).run(job_of(record.event), FOREVER) for record in records * 2]

    assert all(done)
    assert deliveries.heard_by_all() == {one: [2, 3] for one in deliveries.ids}


async def test_the_next_page_is_read_while_one_is_posted() -> None:
    happened: list[str] = []

    class Watched(FakePush):
        async def begin(self, _message: Message, _within: float) -> None:
            happened.append("begins")
            await asyncio.sleep(0)
            happened.append("ends")

    deliveries = Deliveries(4, push=Watched())
    audiences = deliveries.delivery.audiences
    right = audiences.page

    async def page(*arguments: Any) -> AudiencePage:
        happened.append(f"reads after {arguments[2]}")
        return await right(*arguments)

    audiences.page = page  # type: ignore[method-assign, assignment]
    [record] = deliveries.log()

    await shards_of(deliveries).run(job_of(record.event), FOREVER)

    assert happened == ["reads after None", "begins", "reads after 0001=", "ends", "begins", "ends"]


async def test_after_a_restore_no_earlier_job_is_pending() -> None:
    deliveries = Deliveries(2)
    pending = Pending(5, Cursor("before the restore", 9))
    progress = Progress(Cursor("before the restore", 9), pending)
    event = later(1, 7)

    jobs, now_pending = await deliveries.delivery.broadcast._fan_out.publish(event, progress)

    assert (jobs, now_pending) == (1, Pending(1, event.cursor))
    assert deliveries.delivery.queue.jobs() == [FanOutJob(event, 0, 1, None)]


@pytest.mark.parametrize(
    ("saved", "first"),
    [
        (None, 2),
        (Checkpoint(Cursor("e1", 3), 2, "abc="), 2),
        (Checkpoint(Cursor("e1", 3), 3, "abc="), 3),
        (Checkpoint(Cursor("e1", 3), 2, done=True), 4),
        (Checkpoint(Cursor("e1", 4), 2, "abc="), 2),
        (Checkpoint(Cursor("e1", 4), 2, done=True), 5),
        (Checkpoint(Cursor("another", 99), 99, done=True), 2),
    ],
)
def test_a_shard_may_lack_what_earlier_jobs_left(saved: Checkpoint | None, first: int) -> None:
    job = FanOutJob(later(1, 5), 0, first=5, pending=Pending(2, Cursor("e1", 4)))

    assert fan_out._first(job, saved) == first

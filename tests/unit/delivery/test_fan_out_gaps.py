"""What a job does where an earlier one was given up."""

import asyncio

import pytest

from chalicelib.connections.messages import Message
from chalicelib.delivery import fan_out
from chalicelib.delivery.jobs import Checkpoint, FanOutJob, Pending, Progress
from chalicelib.nights.cursors import Cursor
from tests.fakes.crowd import later
from tests.fakes.push import FakePush
from tests.unit.delivery.deliveries import STREAM, Deliveries, LoopClock
from tests.unit.delivery.test_fan_out import FOREVER, job_of, shards_of


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out, "PAGE_SIZE", 2)


async def test_after_a_gap_a_jobs_shard_falls_behind() -> None:
    deliveries = Deliveries(3)
    records = deliveries.log(3)

    await shards_of(deliveries).run(job_of(records[-1].event, first=3), FOREVER)

    assert deliveries.push.posts == []
    assert {(deliveries.row(one).behind, deliveries.row(one).missed) for one in deliveries.ids} == {(3, 4)}


async def given_up(deliveries: Deliveries, *, pages: int) -> None:
    """Give up the job of event 2 after so many pages, and send that of event 3."""
    records = deliveries.log(2)
    await deliveries.delivery.broadcast.run(records, within=60)
    for _ in range(pages):
        deadline = asyncio.get_running_loop().time() + 1
        await shards_of(deliveries).run(job_of(records[0].event), deadline)
    deliveries.delivery.queue.delete(deliveries.delivery.queue.waiting[0])


class PageByPage(FakePush):
    """A push that takes all the time of a job for each page."""

    clock: LoopClock

    async def begin(self, _message: Message, _within: float) -> None:
        self.clock.now += 1


@pytest.mark.parametrize("pages", [0, 1])
async def test_after_a_job_given_up_the_shard_falls_behind(pages: int) -> None:
    push = PageByPage()
    push.clock = LoopClock()
    deliveries = Deliveries(5, inline=1, push=push)
    await given_up(deliveries, pages=pages)

    await deliveries.delivery.work_fan_out()
    behind = [deliveries.row(one).behind for one in deliveries.ids]
    await deliveries.delivery.work()

    assert behind == [2] * 5
    again = [2] * pages
    assert deliveries.heard_by_all() == {
        one: [*(again if one in deliveries.ids[:2] else []), 2, 3] for one in deliveries.ids
    }


async def test_after_a_job_that_was_done_the_next_posts() -> None:
    push = PageByPage()
    push.clock = LoopClock()
    deliveries = Deliveries(2, inline=1, push=push)
    await given_up(deliveries, pages=1)

    await deliveries.delivery.work_fan_out()

    assert deliveries.heard_by_all() == {"0000=": [2, 3], "0001=": [2, 3]}


async def test_of_several_jobs_given_up_only_those_are_missed() -> None:
    deliveries = Deliveries(2, inline=1)
    records = deliveries.log(4)
    await deliveries.delivery.broadcast.run(records, within=60)
    queue = deliveries.delivery.queue
    await deliveries.delivery.work_at(queue.waiting[0])
    for _ in range(2):
        queue.delete(queue.waiting[0])

    await deliveries.delivery.work_fan_out()

    assert [(deliveries.row(one).behind, deliveries.row(one).missed) for one in deliveries.ids] == [
        (3, 5)
    ] * 2


async def test_after_a_restore_no_earlier_job_is_pending() -> None:
    deliveries = Deliveries(2)
    pending = Pending(5, Cursor("before the restore", 9))
    progress = Progress(Cursor("before the restore", 9), pending)
    event = later(1, 7)

    jobs, now_pending = await deliveries.delivery.broadcast._fan_out.publish(event, progress)

    assert (jobs, now_pending) == (1, Pending(1, event.cursor))
    assert deliveries.delivery.queue.jobs() == [FanOutJob(event, 0, 1, None)]


async def test_an_unexpected_checkpoint_of_another_epoch_covers_nothing() -> None:
    deliveries = Deliveries(2)
    stale = Checkpoint(Cursor("before the restore", 99), 99, None, done=True)
    await deliveries.delivery.progress.save_checkpoint(STREAM, 0, stale)
    [record] = deliveries.log()

    await shards_of(deliveries).run(job_of(record.event), FOREVER)

    assert deliveries.heard_by_all() == {"0000=": [2], "0001=": [2]}

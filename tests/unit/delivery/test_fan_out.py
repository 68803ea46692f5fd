import asyncio
from typing import Any

import pytest

from chalicelib.connections.messages import Message, Outcome
from chalicelib.delivery import fan_out
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.fan_out import ShardDelivery
from chalicelib.delivery.jobs import Checkpoint, FanOutJob
from chalicelib.delivery.ports import AudiencePage
from chalicelib.errors import Unavailable
from chalicelib.nights.events import Event
from tests.fakes.delivery import FakeProgress
from tests.fakes.interleaving import Killed
from tests.fakes.push import FakePush
from tests.unit.delivery.deliveries import STREAM, Deliveries, LoopClock

FOREVER = float("inf")


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out, "PAGE_SIZE", 2)


def job_of(event: Event, *, shard: int = 0, first: int | None = None) -> FanOutJob:
    return FanOutJob(event, shard, first or event.sequence)


def shards_of(deliveries: Deliveries) -> ShardDelivery:
    return deliveries.delivery.worker._shards


async def checkpoint_of(deliveries: Deliveries) -> tuple[int, str | None, bool]:
    """Return the event, the place and the end that the checkpoint of shard 0 says."""
    saved = await deliveries.delivery.progress.checkpoint(STREAM, 0)
    assert saved is not None
    return saved.cursor.sequence, saved.after, saved.done


async def test_a_job_posts_all_pages_of_its_shard() -> None:
    deliveries = Deliveries(5)
    [record] = deliveries.log()

    done = await shards_of(deliveries).run(job_of(record.event), FOREVER)

    assert done
    assert [one for one, _ in deliveries.push.posts] == deliveries.ids


async def test_each_shard_is_one_job() -> None:
    deliveries = Deliveries(20, inline=1, shards=4)

    await deliveries.delivery.broadcast.run(deliveries.log(), within=60)
    jobs: list[Any] = deliveries.delivery.queue.jobs()
    await deliveries.delivery.work()

    assert sorted(job.shard for job in jobs) == [0, 1, 2, 3]
    assert len({job.group for job in jobs}) == 4
    assert sorted(one for one, _ in deliveries.push.posts) == deliveries.ids


async def test_a_checkpoint_is_saved_after_each_page() -> None:
    saved: list[tuple[str | None, bool]] = []

    class Watched(FakeProgress):
        async def save_checkpoint(self, stream: str, shard: int, checkpoint: Checkpoint) -> None:
            saved.append((checkpoint.after, checkpoint.done))
            await super().save_checkpoint(stream, shard, checkpoint)

    deliveries = Deliveries(5)
    parts = shards_of(deliveries)
    shards = ShardDelivery(parts.audiences, Watched(1), parts.deliver, DeliveryLog())
    [record] = deliveries.log()

    await shards.run(job_of(record.event), FOREVER)

    assert saved == [("0001=", False), ("0003=", False), (None, True)]


async def test_a_job_without_time_posts_nothing() -> None:
    deliveries = Deliveries(3)
    [record] = deliveries.log()

    done = await shards_of(deliveries).run(job_of(record.event), asyncio.get_running_loop().time())

    assert not done
    assert deliveries.push.posts == []


async def test_a_job_goes_on_where_its_time_was_over() -> None:
    class Slow(FakePush):
        async def begin(self, _message: Message, _within: float) -> None:
            clock.now += 4

    clock = LoopClock()
    deliveries = Deliveries(6, push=Slow())
    [record] = deliveries.log()

    first = await shards_of(deliveries).run(job_of(record.event), clock.now + 5)
    saved = await checkpoint_of(deliveries)
    second = await shards_of(deliveries).run(job_of(record.event), clock.now + 5)

    assert (first, second) == (False, True)
    assert saved == (2, "0003=", False)
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
    for record in records:
        await shards_of(deliveries).run(job_of(record.event), FOREVER)

    repeated = [await shards_of(deliveries).run(job_of(record.event), FOREVER) for record in records]

    assert repeated == [True, True]
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


async def test_a_page_that_cannot_be_read_leaves_the_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = Deliveries(5)
    right = deliveries.delivery.audiences.page

    async def page(stream: str, shard: int, after: str | None, limit: int) -> AudiencePage:
        if after == "0001=":
            raise Unavailable("told to")
        return await right(stream, shard, after, limit)

    [record] = deliveries.log()
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.delivery.audiences, "page", page)
        with pytest.raises(Unavailable):
            await shards_of(deliveries).run(job_of(record.event), FOREVER)
    saved = await checkpoint_of(deliveries)

    await shards_of(deliveries).run(job_of(record.event), FOREVER)

    assert saved == (2, "0001=", False)
    assert deliveries.heard_by_all() == {one: [2] for one in deliveries.ids}


async def test_whoever_a_job_does_not_reach_falls_behind_alone() -> None:
    deliveries = Deliveries(3)
    deliveries.push.failing = {"0001="}
    [record] = deliveries.log()

    await shards_of(deliveries).run(job_of(record.event), FOREVER)

    assert [deliveries.row(one).behind for one in deliveries.ids] == [None, 2, None]

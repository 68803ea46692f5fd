"""What fails leaves nothing running: a batch of records and a shard of deadlines end with their run."""

import asyncio
import json

import pytest

from chalicelib.connections.messages import Message
from chalicelib.connections.ports import DeadlinePage
from chalicelib.errors import Unavailable
from chalicelib.gather import gather
from tests.fakes.crowd import crowd, later, logged, subscribe
from tests.fakes.delivery import FakeDelivery
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore
from tests.unit.connections import swept

DEFECTIVE, SOUND = 17, 18


class Defect(Exception):
    """No error that anybody expects."""


class Push(FakePush):
    """Fails at once for the event with number 1; all other posts take a few turns of the loop each."""

    async def begin(self, message: Message, _within: float) -> None:
        if json.loads(message.plain)["n"] == 1:
            raise Defect
        for _ in range(20):
            await asyncio.sleep(0)

    def heard(self) -> list[int]:
        return [json.loads(body)["n"] for _, body in self.posts]


async def nothing_runs_on() -> None:
    (only,) = asyncio.all_tasks()
    assert only is asyncio.current_task()


async def test_a_defect_is_raised_when_other_streams_have_ended() -> None:
    store, push = FakeConnectionStore(1), Push()
    (one,) = crowd(store, 1)
    subscribe(store, one, DEFECTIVE)
    subscribe(store, one, SOUND)
    delivery = FakeDelivery(store, push)
    await delivery.progress.save_handled(f"session:{DEFECTIVE}", later(DEFECTIVE, 0).cursor)
    records = logged(*(later(SOUND, n) for n in range(2, 8)), later(DEFECTIVE, 1))

    with pytest.raises(Defect):
        await delivery.broadcast.run(records, within=60)

    await nothing_runs_on()
    assert push.heard() == list(range(2, 8))


async def test_an_unreadable_shard_ends_the_sweep_after_the_others() -> None:
    class HalfAway(FakeConnectionStore):
        def page(self, minute: int, shard: int, until: int, after: str | None = None) -> DeadlinePage:
            if shard == 0 and minute == swept.MIDNIGHT // 60:
                raise Unavailable("told to")
            return super().page(minute, shard, until, after)

    there = swept.Service(HalfAway(shards=2))
    for number in range(10):
        there.connect(f"{number}=")
    there.now = swept.MINUTE

    with pytest.raises(Unavailable):
        await there.sweeping()

    await nothing_runs_on()
    assert there.store.swept is None


async def test_what_fails_beside_the_first_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(error: Exception) -> None:
        raise error

    first, second = Unavailable("first"), Defect("second")

    with pytest.raises(Unavailable) as raised:
        await gather(fails(error) for error in (first, second))

    assert raised.value is first
    assert [record.exc_info and record.exc_info[1] for record in caplog.records] == [second]

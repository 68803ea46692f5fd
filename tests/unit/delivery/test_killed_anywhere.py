"""Workers that die between any two things they do: nobody misses an event, and few get one twice."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from inspect import iscoroutinefunction
from random import Random
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost, Message
from chalicelib.delivery import shard_walk
from chalicelib.delivery.jobs import ShardJob
from chalicelib.nights.events import Event
from tests.fakes.crowd import crowd, later, logged
from tests.fakes.delivery import FakeJobQueue, FakeProgress, House
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore

SEQUENCES = [3, 4, 5, 6]


class Killed(BaseException):
    """No code of a worker sees its own death."""


class Fate:
    """Kills whoever is alive at certain moments, counted in things done."""

    def __init__(self, moments: set[int]) -> None:
        self.moments = moments
        self.done = 0

    def step(self) -> None:
        self.done += 1
        if self.done in self.moments:
            raise Killed


class AtOnce(ThreadPoolExecutor):
    """Threads without their chance: the same fate kills at the same point each time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future


class Mortal:
    """Something whose every call can be the last thing that a worker does, or the last that it does not."""

    def __init__(self, inner: Any, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*args: Any) -> Any:
            self._fate.step()
            result = method(*args)
            self._fate.step()
            return result

        async def call_async(*args: Any) -> Any:
            self._fate.step()
            result = await method(*args)
            self._fate.step()
            return result

        return call_async if iscoroutinefunction(method) else call


class MortalPush(FakePush):
    """Each recipient in ``stubborn`` fails as often as it says."""

    def __init__(self, fate: Fate, stubborn: dict[str, int]) -> None:
        super().__init__()
        self._fate = fate
        self._stubborn = stubborn

    def post(self, message: Message, recipient: Recipient, report: DeliveryReport) -> bool:
        one = recipient.connection_id
        self._fate.step()
        if self._stubborn.get(one, 0) > 0:
            self._stubborn[one] -= 1
            report.failed.append(FailedPost(recipient, 500, "stubborn"))
            return False
        delivered = super().post(message, recipient, report)
        self._fate.step()
        return delivered


class Log:
    def events(self, session_id: int, after: int, limit: int) -> Sequence[Event]:
        return [later(session_id, sequence) for sequence in range(after + 1, 7)][:limit]

    def starts(self, after: int, limit: int) -> Sequence[Event]:
        raise AssertionError((after, limit))


class Cloud:
    """Hands records and jobs to workers, again after each death, as Lambda does."""

    def __init__(self, count: int, fate: Fate, stubborn: dict[str, int], *, shards: int, inline: int) -> None:
        store = FakeConnectionStore(shards, page_size=5)
        self.ids = crowd(store, count, session_id=17)
        self.push = MortalPush(fate, stubborn)
        self.queue = FakeJobQueue(attempts=100)
        memory = Mortal(FakeProgress(), fate), Mortal(self.queue, fate)
        self.workers = House(
            cast("Any", Mortal(store, fate)), self.push, shards, inline, log=Log(), memory=memory
        )

    def happen(self, sequences: Sequence[int]) -> None:
        left = logged(*(later(17, sequence) for sequence in sequences))
        while left:
            again = self._alive(partial(self.workers.broadcast.deliver, left, within=5))
            if again is not None:
                left = [record for record in left if record.sequence_number in again]

    def work(self, choose: Callable[[int], int], *, until: int = 0) -> None:
        while len(self.queue.waiting) > until:
            heads = self.queue.heads()
            received = self.queue.receive(heads[choose(len(heads))])
            if received is None:
                continue
            again = self._alive(partial(self.workers.jobs.work, [received], within=5))
            if again == []:
                self.queue.delete(received)

    def heard(self, connection_id: str) -> list[int]:
        return [json.loads(body)["n"] for one, body in self.push.posts if one == connection_id]

    def _alive(self, work: Callable[[], Awaitable[list[str]]]) -> list[str] | None:
        async def life() -> list[str]:
            asyncio.get_running_loop().set_default_executor(AtOnce())
            return await work()

        try:
            return asyncio.run(life())
        except Killed:
            return None


def firsts(heard: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(heard))


@settings(
    max_examples=150,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_everyone_hears_everything_in_order_whoever_dies_when(
    data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_walk, "STEP", data.draw(st.integers(1, 4), "step"))
    monkeypatch.setattr(shard_walk, "PATIENCE", 0)
    ids = st.sampled_from([f"{number:04}=" for number in range(12)])
    moments = data.draw(st.sets(st.integers(1, 400), max_size=6), "moments of death")
    stubborn = data.draw(st.dictionaries(ids, st.integers(1, 3), max_size=3), "stubborn")
    inline = data.draw(st.sampled_from([3, 500]), "inline")
    chance = Random(data.draw(st.integers(0, 1000), "chance"))
    cloud = Cloud(12, Fate(moments), stubborn, shards=2, inline=inline)

    for sequence in SEQUENCES:
        cloud.happen([sequence])
        cloud.work(chance.randrange, until=chance.randrange(8))
    cloud.work(chance.randrange)

    assert cloud.queue.dead == []
    for one in cloud.ids:
        assert firsts(cloud.heard(one)) == SEQUENCES


@pytest.mark.parametrize("moment", range(5, 1100, 45))
def test_whoever_takes_over_repeats_one_step_at_most(moment: int) -> None:
    cloud = Cloud(500, Fate({moment}), {}, shards=1, inline=0)
    cloud.queue.put([ShardJob(later(17, 3), 0)])

    cloud.work(lambda _: 0)

    assert {one for one, _ in cloud.push.posts} == set(cloud.ids)
    assert len(cloud.push.posts) - len(cloud.ids) <= shard_walk.STEP

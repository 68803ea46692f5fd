"""A worker that dies among real posts: nobody is left out, and one step's posts are repeated at most."""

import asyncio
from collections import Counter

import pytest

from chalicelib.delivery import shard_walk
from chalicelib.delivery.jobs import Progress, ShardJob
from chalicelib.delivery.laggards import Laggards
from chalicelib.delivery.seldom import Seldom
from chalicelib.delivery.shard_delivery import ShardDelivery
from chalicelib.delivery.shard_walk import STEP, Ground
from tests.fakes.crowd import crowd, later
from tests.fakes.delivery import FakeJobQueue, FakeProgress
from tests.fakes.stores import FakeAudiences, FakeConnectionStore
from tests.integration.push.broadcasts import client_of
from tests.integration.push.hostile_server import OK, HostileServer, Wire, answer, never

AUDIENCE = 6 * STEP
JOB = ShardJob(later(17, 3), shard=0)
SLOW = ["0005=", "0100="]


class DistantProgress(FakeProgress):
    """A save takes as long as the posts of more than a step do."""

    async def save(self, job: str, progress: Progress) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        await super().save(job, progress)


class NeverDone(FakeProgress):
    """The last save of a job never comes back: whoever waits for it dies."""

    def __init__(self) -> None:
        super().__init__()
        self.last = asyncio.Event()

    async def save(self, job: str, progress: Progress) -> None:
        if progress.done and not self.last.is_set():
            self.last.set()
            await asyncio.Event().wait()
        await super().save(job, progress)


class Worker:
    """One life after the other, on the same memory."""

    def __init__(self, server: HostileServer, progress: FakeProgress | None = None) -> None:
        store = FakeConnectionStore(shards=1, page_size=2 * STEP)
        seldom = Seldom(store, store, Laggards(store, FakeJobQueue()))
        self.ids = crowd(store, AUDIENCE, session_id=17)
        self._ground = Ground(FakeAudiences(store), progress or DistantProgress(), lambda: seldom)
        self._server = server

    async def dies_at_post(self, number: int) -> None:
        """Deliver until the server has seen so many posts; that one gets no answer any more."""
        killed = asyncio.Event()

        async def answer_or_kill(wire: Wire) -> None:
            if len(self._server.requests) >= number:
                killed.set()
                await never(wire)
            await OK(wire)

        self._server.otherwise = answer_or_kill
        await self.dies_when(killed)
        self._server.otherwise = OK

    async def dies_when(self, killed: asyncio.Event) -> None:
        life = asyncio.create_task(self.lives())
        await killed.wait()
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)

    async def lives(self) -> bool:
        """Deliver, and say whether all is done."""
        async with client_of(self._server) as client:
            return await ShardDelivery(self._ground, client).run(JOB, within=60)


@pytest.mark.parametrize("number", [1, STEP - 1, STEP, STEP + 1, 3 * STEP - 1, 4 * STEP + 7, AUDIENCE])
async def test_one_step_is_repeated_at_most(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_walk, "PATIENCE", 60)  # nobody is slow, however busy the machine
    async with HostileServer().serving() as server:
        worker = Worker(server)

        await worker.dies_at_post(number)
        assert await worker.lives()

        posts = Counter(request.connection_id for request in server.requests)
        assert set(posts) == set(worker.ids)
        assert posts.total() - AUDIENCE <= STEP


async def test_whoever_is_slow_holds_up_nobody_and_is_repeated_too() -> None:
    async with HostileServer({one: [never, OK] for one in SLOW}).serving() as server:
        worker = Worker(server)

        await worker.dies_at_post(5 * STEP + 1)
        posted_to_slow = [server.posted_to(one) for one in SLOW]
        assert await worker.lives()

        posts = Counter(request.connection_id for request in server.requests)
        assert posted_to_slow == [1, 1]
        assert [posts[one] for one in SLOW] == [2, 2]
        assert set(posts) == set(worker.ids)
        assert posts.total() - AUDIENCE <= STEP + len(SLOW)


async def test_when_all_were_slow_and_have_answered_no_more_than_one_step_is_repeated() -> None:
    progress = NeverDone()
    async with HostileServer().serving() as server:
        worker = Worker(server, progress)
        server.behaviours = {one: [answer(429)] * 3 + [OK] for one in worker.ids}

        await worker.dies_when(progress.last)
        before = len(server.requests)
        assert await worker.lives()

        assert before == 4 * AUDIENCE
        assert len(server.requests) - before <= STEP

"""Whoever misses a session's start hears nothing of that session before it."""

import json

import pytest

from chalicelib.connections.connection import ALL_AUDIENCE, Lag, session_audience
from chalicelib.nights.events import Event
from tests.fakes.crowd import FakeLog, crowd, later, logged, started, subscribe
from tests.fakes.delivery import House
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore

SHARDS = 2
NIGHT = session_audience(17)
SLOW = "0001="


class Scene:
    """Three connections; one is slow, and subscribed to session 17 before it has heard of it."""

    def __init__(self, inline: int = 500) -> None:
        self.store, self.push = FakeConnectionStore(SHARDS), FakePush()
        self.home = House(self.store, self.push, SHARDS, inline=inline, log=FakeLog())
        crowd(self.store, 3, session_id=17)

    async def happen(self, *events: Event) -> None:
        assert await self.home.broadcast.deliver(logged(*events), within=5) == []
        await self.home.work_shards()

    async def missed(self, *events: Event) -> None:
        self.push.failing = {SLOW}
        await self.happen(*events)
        self.push.failing = set()

    def heard(self, connection_id: str = SLOW) -> list[tuple[int, int]]:
        """Return what a connection heard: session and sequence, 17 where that is not told."""
        told = [json.loads(body) for one, body in self.push.posts if one == connection_id]
        return [(one["data"]["session"]["id"], 1) if "data" in one else (17, one["n"]) for one in told]

    async def catch_up(self, audience: str) -> bool:
        """Do the catch-up jobs of one audience, and say whether all are done."""
        jobs = [one for one in self.home.queue.waiting if one.group == f"{audience}#{SLOW}"]
        done = True
        for job in jobs:
            received = self.home.queue.receive(job)
            assert received is not None
            if await self.home.jobs.work([received], within=5):
                done = False
            else:
                self.home.queue.delete(received)
        return done


@pytest.fixture(params=[500, 1], ids=["inline", "queued"])
def scene(request: pytest.FixtureRequest) -> Scene:
    return Scene(request.param)


async def test_what_follows_a_start_that_was_missed_comes_after_it(scene: Scene) -> None:
    await scene.missed(started(17))
    await scene.happen(later(17, 2), later(17, 3))
    before = scene.heard()

    too_early = await scene.catch_up(NIGHT)
    await scene.home.work()

    assert before == []
    assert not too_early
    assert scene.heard() == scene.heard("0000=") == [(17, 1), (17, 2), (17, 3)]


async def test_everything_is_posted_at_once_again_when_both_have_been_caught_up_with(scene: Scene) -> None:
    await scene.missed(started(17))
    await scene.happen(later(17, 2))
    await scene.home.work()

    await scene.happen(later(17, 3))

    assert scene.heard() == [(17, 1), (17, 2), (17, 3)]
    assert scene.home.queue.waiting == []


async def test_a_start_that_is_passed_over_because_of_an_earlier_one_holds_its_session_too(
    scene: Scene,
) -> None:
    await scene.missed(started(16))
    await scene.happen(started(17), later(17, 2))
    before = scene.heard()

    await scene.home.work()

    assert before == []
    assert scene.heard() == [(16, 1), (17, 1), (17, 2)]


async def test_nothing_waits_for_a_start_of_another_session(scene: Scene) -> None:
    await scene.missed(started(18))

    await scene.happen(later(17, 5))

    assert scene.heard() == [(17, 5)]


async def test_nothing_waits_for_a_start_whose_job_has_given_up(scene: Scene) -> None:
    await scene.missed(started(17))
    scene.store.park(ALL_AUDIENCE, SLOW)
    await scene.happen(later(17, 2))

    caught_up = await scene.catch_up(NIGHT)

    assert caught_up
    assert scene.heard() == [(17, 2)]


async def test_whoever_is_not_subscribed_when_it_misses_a_start_lags_behind_no_session() -> None:
    scene = Scene()
    scene.store.leave(SLOW, NIGHT)
    await scene.missed(started(17))

    subscribe(scene.store, SLOW, 17)

    (all_row, night_row) = (scene.store.recipient(audience, SLOW) for audience in (ALL_AUDIENCE, NIGHT))
    assert all_row is not None
    assert all_row.lag == Lag(17, 17)
    assert night_row is not None
    assert night_row.lag is None

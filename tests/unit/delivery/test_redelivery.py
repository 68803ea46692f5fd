"""Events that are redone: by jobs, in order, and nothing that waits is overtaken because of it."""

import json

import pytest

from chalicelib.connections.connection import ALL_AUDIENCE, session_audience
from chalicelib.delivery.jobs import QueueMark, ShardJob
from chalicelib.delivery.redelivery import Redelivery
from chalicelib.delivery.routing import Queueing
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event
from chalicelib.nights.sessions import StreamHead, start_session
from tests.fakes.crowd import crowd, later, logged, started
from tests.fakes.delivery import House
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeAudiences, FakeConnectionStore, FakeSessionStore

SHARDS = 3
NIGHT = session_audience(17)


class Scene:
    """Five subscribers of session 17, which makes it a large audience."""

    def __init__(self) -> None:
        self.store, self.push, self.nights = FakeConnectionStore(SHARDS), FakePush(), FakeSessionStore()
        self.home = House(self.store, self.push, SHARDS, inline=3)
        self.ids = crowd(self.store, 5, session_id=17)
        progress = self.home.progress
        self.redelivery = Redelivery(
            FakeAudiences(self.store, progress.queue_mark),
            Queueing(progress, self.home.queue, SHARDS),
            self.nights,
            self.nights,
        )

    async def happen(self, *events: Event) -> None:
        await self.home.broadcast.deliver(logged(*events), within=5)

    def heard(self) -> list[int]:
        return [json.loads(body).get("n", 1) for one, body in self.push.posts if one == self.ids[0]]


@pytest.mark.parametrize("redone", [started(17), later(17, 5)], ids=["the start", "an earlier event"])
async def test_what_is_redone_lets_nothing_overtake_the_jobs_that_wait(redone: Event) -> None:
    scene = Scene()
    await scene.happen(redone)
    await scene.home.work()
    await scene.happen(later(17, 7))

    await scene.redelivery.deliver([redone])
    for one in scene.ids[1:]:
        scene.store.leave(one, NIGHT)
    await scene.happen(later(17, 8))
    await scene.home.work()

    assert scene.heard()[-2:] == [7, 8]


async def test_what_follows_a_start_that_is_redone_waits_for_it_again() -> None:
    scene = Scene()
    await scene.happen(later(17, 7))

    await scene.redelivery.deliver([started(17), later(17, 2)])

    jobs = [one.job for one in scene.home.queue.waiting if isinstance(one.job, ShardJob)]
    assert [job.follows_start for job in jobs if job.event.cursor.sequence == 2] == [True] * SHARDS
    assert scene.home.progress.queue_mark(NIGHT) == QueueMark(1, "e17:7")
    assert scene.home.progress.queue_mark(ALL_AUDIENCE) == QueueMark(1, "e17:1")


async def test_a_stream_that_was_restored_is_marked_anew_whatever_its_sequence() -> None:
    scene = Scene()
    await scene.happen(later(17, 7))

    await scene.redelivery.deliver([later(17, 3).in_epoch("restored")])

    assert scene.home.progress.queue_mark(NIGHT) == QueueMark(3, "restored:3")


def test_what_the_log_has_is_placed_in_the_epochs_of_now() -> None:
    scene = Scene()
    head = scene.nights.head()
    session, event = start_session(head, epoch="e", notes=None, now="2025-11-01T20:00:00.000Z")
    scene.nights.start(head, session, event)
    scene.nights._head = StreamHead("restored", 1)

    (found,) = scene.redelivery.logged("2025-11-01T00:00:00.000Z", "2025-11-02T00:00:00.000Z")

    assert (found.cursor, found.sessions_cursor) == (Cursor("e", 1), Cursor("restored", 1))

import json

import pytest

from chalicelib.connections.connection import ALL_AUDIENCE, Lag, session_audience
from chalicelib.delivery.catch_up import ATTEMPTS
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.delivery.ports import AudiencePage
from tests.fakes.crowd import FakeLog, crowd, later, logged, started
from tests.fakes.delivery import House
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore

SHARDS = 2
NIGHT = session_audience(17)
SLOW = "0001="


class Scene:
    def __init__(
        self, inline: int = 500, *, wants_cursor: bool = False, store: FakeConnectionStore | None = None
    ) -> None:
        self.store = store or FakeConnectionStore(SHARDS)
        self.push = FakePush()
        self.home = House(self.store, self.push, SHARDS, inline=inline, log=FakeLog())
        crowd(self.store, 3, session_id=17, wants_cursor=wants_cursor)

    async def happen(self, *sequences: int) -> list[str]:
        return await self.home.broadcast.deliver(logged(*(later(17, n) for n in sequences)), within=5)

    def heard(self, connection_id: str) -> list[int]:
        return [json.loads(body)["n"] for one, body in self.push.posts if one == connection_id]

    def lag(self) -> Lag | None:
        recipient = self.store.recipient(NIGHT, SLOW)
        return recipient.lag if recipient else None


@pytest.fixture(params=[500, 1], ids=["inline", "queued"])
def scene(request: pytest.FixtureRequest) -> Scene:
    return Scene(inline=request.param)


async def test_whoever_is_not_reached_catches_up_in_order(scene: Scene) -> None:
    scene.push.failing = {SLOW}
    await scene.happen(3)
    await scene.home.work_shards()
    scene.push.failing = set()
    await scene.happen(4, 5)
    await scene.home.work_shards()
    before = scene.heard(SLOW)

    await scene.home.work()

    assert before == []
    assert scene.heard(SLOW) == [3, 4, 5]
    assert scene.heard("0000=") == [3, 4, 5]
    assert scene.lag() is None


async def test_what_follows_the_catching_up_is_posted_at_once_again(scene: Scene) -> None:
    scene.push.failing = {SLOW}
    await scene.happen(3)
    await scene.home.work_shards()
    scene.push.failing = set()
    await scene.home.work()

    await scene.happen(4)
    await scene.home.work_shards()

    assert scene.heard(SLOW) == [3, 4]


async def test_one_bad_connection_has_no_record_come_again(scene: Scene) -> None:
    scene.push.failing = {SLOW}

    again = await scene.happen(3, 4)
    await scene.home.work_shards()

    assert again == []
    assert scene.heard("0000=") == scene.heard("0002=") == [3, 4]
    assert scene.lag() == Lag(3, 4)


async def test_each_failed_attempt_is_followed_by_a_longer_wait() -> None:
    scene = Scene()
    scene.push.failing = {SLOW}
    await scene.happen(3)

    for _ in range(ATTEMPTS):
        (head,) = scene.home.queue.heads()
        received = scene.home.queue.receive(head)
        assert received is not None
        assert await scene.home.jobs.work([received], within=5) == [received.id]

    assert [seconds for _, seconds in scene.home.queue.delays] == [1] * (ATTEMPTS - 1) + [0]


async def test_after_the_last_attempt_the_dead_letter_queue_has_what_is_needed_to_redo_it() -> None:
    scene = Scene()
    scene.push.failing = {SLOW}
    await scene.happen(3, 4)
    await scene.home.work()
    (dead,) = scene.home.queue.dead
    scene.push.failing = set()

    scene.home.queue.redrive()
    await scene.home.work()

    assert dead == CatchUpJob(NIGHT, 17, SLOW, 3)
    assert scene.heard(SLOW) == [3, 4]


async def test_the_next_event_gives_another_chance_to_who_was_given_up() -> None:
    scene = Scene()
    scene.push.failing = {SLOW}
    await scene.happen(3)
    await scene.home.work()
    assert scene.lag() == Lag(3, 3, parked=True)
    scene.push.failing = set()

    await scene.happen(4)
    await scene.home.work()

    assert scene.heard(SLOW) == [3, 4]


async def test_a_job_that_was_never_sent_is_sent_when_the_event_comes_again() -> None:
    scene = Scene()
    scene.store.fall_behind(NIGHT, SLOW, 3)

    await scene.happen(3)
    await scene.home.work()

    assert scene.heard(SLOW) == [3]
    assert scene.lag() is None


async def test_whoever_leaves_while_lagging_is_left_alone() -> None:
    scene = Scene()
    scene.push.failing = {SLOW}
    await scene.happen(3)
    scene.store.remove(SLOW)

    await scene.home.work()

    assert scene.home.queue.waiting == []
    assert scene.heard(SLOW) == []


async def test_whoever_is_found_gone_by_the_replay_leaves_no_trace() -> None:
    scene = Scene()
    scene.push.failing = {SLOW}
    await scene.happen(3, 4)
    scene.push.failing, scene.push.gone = set(), {SLOW}

    await scene.home.work()

    assert scene.store.get(SLOW) is None
    assert scene.home.queue.waiting == []


async def test_a_replay_longer_than_a_page_is_whole() -> None:
    scene = Scene()
    scene.push.failing = {SLOW}
    await scene.happen(*range(3, 93))
    scene.push.failing = set()

    await scene.home.work()

    assert scene.heard(SLOW) == list(range(3, 93))


async def test_an_event_that_is_skipped_while_the_replay_ends_is_replayed_too() -> None:
    class Late(FakeConnectionStore):
        """Another event happens just when the last one of the replay has been posted."""

        def caught_up(self, audience: str, connection_id: str, place: int) -> bool:
            if place == 3:
                assert self.skip(audience, connection_id, 4)
            return super().caught_up(audience, connection_id, place)

    scene = Scene(store=Late(SHARDS))
    scene.push.failing = {SLOW}
    await scene.happen(3)
    scene.push.failing = set()

    await scene.home.work()

    assert scene.heard(SLOW) == [3, 4]
    assert scene.lag() is None


async def test_whoever_caught_up_between_the_reading_and_the_posting_is_posted_to() -> None:
    class Quick(FakeConnectionStore):
        def audience(
            self, audience: str, shard: int, after: str | None = None, limit: int | None = None
        ) -> AudiencePage:
            page = super().audience(audience, shard, after, limit)
            self.caught_up(NIGHT, SLOW, 3)
            return page

    scene = Scene(store=Quick(SHARDS))
    scene.store.fall_behind(NIGHT, SLOW, 3)

    await scene.happen(4)

    assert scene.heard(SLOW) == [4]


async def test_starts_are_caught_up_with_from_the_stream_of_sessions() -> None:
    scene = Scene(wants_cursor=True)
    scene.push.failing = {SLOW}
    await scene.home.broadcast.deliver(logged(started(17), started(18)), within=5)
    scene.push.failing = set()

    await scene.home.work()

    recipient = scene.store.recipient(ALL_AUDIENCE, SLOW)
    assert [json.loads(body)["cursor"] for one, body in scene.push.posts if one == SLOW] == ["e0:17", "e0:18"]
    assert recipient is not None
    assert recipient.lag is None


async def test_whoever_misses_the_same_event_again_catches_up_again(scene: Scene) -> None:
    for _ in range(2):  # the stream hands it over twice
        scene.push.failing = {SLOW}
        await scene.happen(3)
        await scene.home.work_shards()
        scene.push.failing = set()
        await scene.home.work()

    assert scene.lag() is None
    assert scene.heard(SLOW)[:1] == [3]


@pytest.mark.parametrize("reached", [True, False])
async def test_a_start_that_comes_after_a_later_one_is_caught_up_with_too(
    reached: bool,  # noqa: FBT001 - a parameter
) -> None:
    scene = Scene()
    scene.push.failing = {SLOW}
    await scene.home.broadcast.deliver(logged(started(18)), within=5)
    if reached:
        scene.push.failing = set()
    await scene.home.broadcast.deliver(logged(started(17)), within=5)
    scene.push.failing = set()

    await scene.home.work()

    heard = {json.loads(body)["data"]["session"]["id"] for one, body in scene.push.posts if one == SLOW}
    assert heard == {17, 18}


async def test_a_start_that_comes_late_while_the_replay_ends_is_replayed_too() -> None:
    class Late(FakeConnectionStore):
        """An earlier start comes just when the last one of the replay has been posted."""

        def caught_up(self, audience: str, connection_id: str, place: int) -> bool:
            if place == 18 and not late:
                late.append(17)
                assert self.skip(audience, connection_id, 17)
            return super().caught_up(audience, connection_id, place)

    late: list[int] = []
    scene = Scene(store=Late(SHARDS))
    scene.push.failing = {SLOW}
    await scene.home.broadcast.deliver(logged(started(18)), within=5)
    scene.push.failing = set()

    await scene.home.work()

    heard = [json.loads(body)["data"]["session"]["id"] for one, body in scene.push.posts if one == SLOW]
    assert heard == [18, 17, 18]


async def test_a_log_with_a_hole_is_no_reason_to_forget_what_was_missed() -> None:
    scene = Scene()
    scene.store.fall_behind(NIGHT, SLOW, 200)
    scene.home.queue.put([CatchUpJob(NIGHT, 17, SLOW, 200)])

    await scene.home.work()

    assert scene.home.queue.dead == [CatchUpJob(NIGHT, 17, SLOW, 200)]
    assert scene.lag() == Lag(200, 200, parked=True)

import json

import pytest

from chalicelib.connections.connection import session_audience
from chalicelib.delivery.catch_up import ATTEMPTS
from chalicelib.delivery.jobs import Progress, QueueMark, Received, ShardJob, shard_jobs
from chalicelib.delivery.routing import WAITS
from chalicelib.errors import Unavailable
from tests.fakes.crowd import crowd, later, logged, started, subscribe
from tests.fakes.delivery import House
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore

SHARDS = 3


def house(inline: int = 3) -> tuple[House, FakeConnectionStore, FakePush]:
    store, push = FakeConnectionStore(SHARDS, page_size=4), FakePush()
    return House(store, push, SHARDS, inline=inline), store, push


def heard(push: FakePush, connection_id: str) -> list[int]:
    return [json.loads(body).get("n", 1) for one, body in push.posts if one == connection_id]


async def shrunken_with_jobs() -> tuple[House, FakePush]:
    """Return a house whose session has jobs for ten subscribers, and one subscriber left."""
    home, store, push = house(inline=3)
    ids = crowd(store, 10, session_id=17)
    await home.broadcast.deliver(logged(later(17, 3)), within=5)
    for one in ids[1:]:
        store.leave(one, session_audience(17))
    return home, push


async def test_an_audience_of_the_limit_is_posted_to_at_once() -> None:
    home, store, push = house(inline=3)
    ids = crowd(store, 3)

    await home.broadcast.deliver(logged(started(17)), within=5)

    assert sorted(one for one, _ in push.posts) == ids
    assert home.queue.waiting == []


async def test_a_larger_one_becomes_a_job_for_each_shard() -> None:
    home, store, push = house(inline=3)
    ids = crowd(store, 40)

    again = await home.broadcast.deliver(logged(started(17)), within=5)
    posted_at_once = len(push.posts)
    await home.work()

    assert again == []
    assert posted_at_once == 0
    assert sorted(one for one, _ in push.posts) == ids


async def test_jobs_of_one_session_and_shard_are_one_group_and_none_is_doubled() -> None:
    home, store, _ = house()
    crowd(store, 10, session_id=17)
    records = logged(later(17, 3), later(17, 4))

    await home.broadcast.deliver(records, within=5)
    await home.broadcast.deliver(records, within=5)

    assert len(home.queue.waiting) == 2 * SHARDS
    assert {one.group for one in home.queue.waiting} == {f"session#17#{shard}" for shard in range(SHARDS)}


async def test_a_session_whose_audience_grows_past_the_limit_keeps_its_order() -> None:
    home, store, push = house(inline=3)
    crowd(store, 10)
    subscribe(store, "0000=", 17)
    await home.broadcast.deliver(logged(later(17, 3)), within=5)

    for number in range(10):
        subscribe(store, f"{number:04}=", 17)
    await home.broadcast.deliver(logged(later(17, 4), later(17, 5)), within=5)
    await home.work()

    assert heard(push, "0000=") == [3, 4, 5]
    assert heard(push, "0007=") == [4, 5]


async def test_a_session_whose_audience_shrinks_below_the_limit_keeps_its_order() -> None:
    home, push = await shrunken_with_jobs()

    await home.broadcast.deliver(logged(later(17, 4)), within=5)
    posted_past_the_jobs = len(push.posts)
    await home.work()

    assert posted_past_the_jobs == 0
    assert heard(push, "0000=") == [3, 4]


async def test_a_small_audience_is_posted_to_at_once_again_when_the_jobs_are_done() -> None:
    home, push = await shrunken_with_jobs()
    await home.work()

    await home.broadcast.deliver(logged(later(17, 4)), within=5)

    assert home.queue.waiting == []
    assert heard(push, "0000=") == [3, 4]


async def test_a_small_audience_waits_a_moment_for_jobs_that_are_about_to_be_done() -> None:
    home, push = await shrunken_with_jobs()
    home.meanwhile = home.work

    await home.broadcast.deliver(logged(later(17, 4)), within=5)

    assert home.queue.waiting == []
    assert heard(push, "0000=") == [3, 4]


async def test_a_batch_waits_for_jobs_once_and_not_event_by_event() -> None:
    home, push = await shrunken_with_jobs()
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    home.meanwhile = look

    await home.broadcast.deliver(logged(*(later(17, n) for n in range(4, 24))), within=5)
    await home.work()

    assert looks == len(WAITS) - 1
    assert heard(push, "0000=") == list(range(3, 24))


async def test_an_event_whose_own_jobs_were_sent_keeps_to_them_when_it_comes_again() -> None:
    home, push = await shrunken_with_jobs()

    await home.broadcast.deliver(logged(later(17, 3)), within=5)
    await home.work()

    assert heard(push, "0000=") == [3]


async def test_what_follows_a_start_with_jobs_waits_for_them_in_its_shard() -> None:
    home, store, push = house(inline=3)
    crowd(store, 10, session_id=17)
    await home.broadcast.deliver(logged(started(17), later(17, 2)), within=5)
    followers = [one for one in home.queue.heads() if one.group.startswith("session")]

    for follower in followers:
        received = home.queue.receive(follower)
        assert received is not None
        assert await home.jobs.work([received], within=5) == [received.id]
    too_early = len(push.posts)
    await home.work()

    assert len(followers) == SHARDS
    assert too_early == 0
    assert heard(push, "0000=") == [1, 2]


async def test_a_start_that_no_job_will_ever_deliver_holds_up_its_session_only_so_long() -> None:
    home, store, push = house(inline=3)
    crowd(store, 5, session_id=17)
    jobs = shard_jobs(later(17, 2), SHARDS, queued_since=1)

    again = [
        await home.jobs.work([Received(str(n), "r", "g", ATTEMPTS, job)], within=5)
        for n, job in enumerate(jobs)
    ]

    assert again == [[], [], []]
    assert len(push.posts) == 5


async def test_starts_stay_in_order_of_their_ids_when_the_audience_of_all_shrinks() -> None:
    home, store, push = house(inline=3)
    ids = crowd(store, 5)
    await home.broadcast.deliver(logged(started(17)), within=5)

    for one in ids[1:]:
        store.remove(one)
    await home.broadcast.deliver(logged(started(18)), within=5)
    await home.work()

    assert [json.loads(body)["data"]["session"]["id"] for _, body in push.posts] == [17, 18]


async def test_nothing_is_sent_before_it_is_noted_that_the_stream_has_jobs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, store, _ = house(inline=3)
    crowd(store, 5, session_id=17)

    async def refuse(*_: object) -> None:
        assert home.progress.queue_mark(session_audience(17)) == QueueMark(3, "e17:3")
        raise Unavailable("the queue is away")

    monkeypatch.setattr(home.queue, "send", refuse)

    again = await home.broadcast.deliver(logged(later(17, 3), later(17, 4)), within=5)

    assert again == ["100", "101"]


async def test_a_job_that_is_done_is_not_done_again() -> None:
    home, store, push = house()
    crowd(store, 10, session_id=17)
    job = ShardJob(later(17, 3), shard=0)

    for attempt in (1, 2):
        assert await home.jobs.work([Received("1", "r", job.group, attempt, job)], within=5) == []

    assert len(push.posts) == len({one for one, _ in push.posts})


async def test_a_job_without_time_goes_on_where_it_was() -> None:
    store, push = FakeConnectionStore(SHARDS), FakePush()
    home = House(store, push, SHARDS)
    crowd(store, 10, session_id=17)
    job = ShardJob(later(17, 3), shard=0)
    shard = [one.connection_id for one in store.audience(session_audience(17), 0).recipients]
    await home.progress.save(job.name, Progress(after=shard[-2], open=(shard[0], "gone=")))

    assert await home.jobs.work([Received("1", "r", job.group, 1, job)], within=0) == ["1"]
    assert await home.jobs.work([Received("1", "r", job.group, 2, job)], within=5) == []

    assert [one for one, _ in push.posts] == [shard[0], shard[-1]]


async def test_a_job_nobody_can_read_does_not_hold_up_its_group_for_long() -> None:
    home, _, _ = house()

    again = await home.jobs.work(
        [Received("1", "r", "g", 1, None), Received("2", "r", "g", 1, None)], within=5
    )

    assert again == ["1", "2"]
    assert home.queue.delays == [("g", 0), ("g", 0)]


async def test_a_store_that_is_away_has_the_job_come_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    home, _, _ = house()
    job = ShardJob(later(17, 3), shard=0)

    async def away(*_: object) -> None:
        raise Unavailable("throttled")

    monkeypatch.setattr(home.progress, "progress", away)

    assert await home.jobs.work([Received("1", "r", job.group, 1, job)], within=5) == ["1"]
    assert home.queue.delays == [(job.group, 1)]

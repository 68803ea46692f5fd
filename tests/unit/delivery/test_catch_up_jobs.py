"""Catching up in several attempts: by jobs, and by a job after the function that answers."""

from typing import Any

import pytest

from chalicelib.delivery.catch_up import ATTEMPTS, CaughtUp, backoff
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.errors import Unavailable
from chalicelib.nights.streams import Stream
from tests.unit.delivery.deliveries import STREAM, Deliveries, LoopClock
from tests.unit.delivery.test_catch_up import ABC, FOREVER, JOB, Pushing, behind, run


async def test_an_event_not_in_the_log_yet_is_awaited() -> None:
    deliveries = behind(2, missed=4)

    first = await deliveries.delivery.catch_up.work(JOB, 1, FOREVER)
    reached = deliveries.row().behind
    deliveries.log()
    second = await deliveries.delivery.catch_up.work(JOB, 2, FOREVER)

    assert (first, reached, second) == (1, 4, None)
    assert deliveries.heard() == [2, 3, 4]


async def test_a_log_read_in_parts_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = behind(5, missed=0)
    read = deliveries.sessions.events
    monkeypatch.setattr(deliveries.sessions, "events", lambda stream, after, _: read(stream, after, 2))

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3, 4, 5, 6]


async def test_an_event_that_nobody_has_noted_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = behind(1, missed=0)
    monkeypatch.setattr(deliveries.sessions, "events", lambda *_: ())

    assert await run(deliveries) is CaughtUp.FAILED
    assert deliveries.row().behind == 2


async def test_a_missed_event_not_in_the_log_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    deliveries = behind(0, missed=2)

    assert await run(deliveries) is CaughtUp.FAILED
    assert "an event that a connection missed is not in the log" in caplog.messages


async def test_a_post_that_failed_is_tried_again_from_there() -> None:
    deliveries = behind(3, Pushing(2, lambda: deliveries.push.failing.add(ABC)))

    first = await deliveries.delivery.catch_up.work(JOB, 1, FOREVER)
    reached = deliveries.row().behind
    deliveries.push.failing.clear()
    second = await deliveries.delivery.catch_up.work(JOB, 2, FOREVER)

    assert (first, reached, second) == (1, 3, None)
    assert deliveries.heard() == [2, 3, 4]


async def test_a_job_without_time_goes_on_at_once() -> None:
    deliveries = behind(3)

    assert await deliveries.delivery.catch_up.work(JOB, 1, deadline=0.0) == 0
    assert deliveries.push.posts == []


async def test_a_replay_out_of_time_goes_on_where_it_was() -> None:
    def time_is_over() -> None:
        clock.now += 5

    clock = LoopClock()
    deliveries = behind(3, Pushing(2, time_is_over))

    first = await run(deliveries, deadline=clock.now + 5)
    reached = deliveries.row().behind
    second = await run(deliveries, deadline=clock.now + 5)

    assert (first, reached, second) == (CaughtUp.OUT_OF_TIME, 4, CaughtUp.LIVE)
    assert deliveries.heard() == [2, 3, 4]


async def test_whoever_cannot_be_caught_up_is_closed_after_all_attempts() -> None:
    deliveries = behind(2)
    deliveries.push.failing = {ABC}

    waits = [await deliveries.delivery.catch_up.work(JOB, 1 + nth, FOREVER) for nth in range(ATTEMPTS)]

    assert waits == [1] * (ATTEMPTS - 1) + [None]
    assert deliveries.push.disconnected == [ABC]
    assert deliveries.store.get(ABC) is None
    assert ABC not in deliveries.store.audiences[STREAM]


async def test_whoever_cannot_be_closed_either_is_tried_again() -> None:
    deliveries = behind(2)
    deliveries.push.failing = deliveries.push.stuck = {ABC}

    stuck = await deliveries.delivery.catch_up.work(JOB, ATTEMPTS, FOREVER)
    deliveries.push.stuck = set()
    closed = await deliveries.delivery.catch_up.work(JOB, ATTEMPTS + 1, FOREVER)

    assert (stuck, closed) == (1, None)
    assert deliveries.push.disconnected == [ABC]


async def test_the_last_attempt_closes_nobody_who_is_caught_up() -> None:
    deliveries = behind(2)

    assert await deliveries.delivery.catch_up.work(JOB, ATTEMPTS, FOREVER) is None
    assert deliveries.push.disconnected == []
    assert deliveries.heard() == [2, 3]


@pytest.mark.parametrize(("attempt", "longest"), [(1, 2), (4, 16), (9, 120), (50, 120)])
def test_attempts_are_spread_over_a_longer_and_longer_time(attempt: int, longest: int) -> None:
    assert (backoff(attempt, lambda: 0.0), backoff(attempt, lambda: 0.999_999)) == (1, longest)


async def resume(deliveries: Deliveries, deadline: float = FOREVER) -> CaughtUp:
    return await deliveries.delivery.catch_up.resume(STREAM, ABC, deadline, until=30)


async def test_a_resume_that_is_done_leaves_no_job() -> None:
    deliveries = behind(3, catching_up_until=30)

    assert await resume(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3, 4]
    assert deliveries.delivery.queue.jobs() == []


async def test_a_resume_whose_time_is_over_becomes_a_job() -> None:
    deliveries = behind(3, catching_up_until=30)

    assert await resume(deliveries, deadline=0.0) is CaughtUp.OUT_OF_TIME
    assert deliveries.delivery.queue.jobs() == [CatchUpJob(STREAM, ABC, 2)]


async def test_a_job_goes_on_where_a_resume_failed() -> None:
    deliveries = behind(3, Pushing(2, lambda: deliveries.push.failing.add(ABC)), catching_up_until=30)

    assert await resume(deliveries) is CaughtUp.FAILED
    jobs = deliveries.delivery.queue.jobs()
    deliveries.push.failing.clear()
    await deliveries.delivery.work()

    assert jobs == [CatchUpJob(STREAM, ABC, 3)]
    assert deliveries.heard() == [2, 3, 4]


async def test_a_log_that_cannot_be_read_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def following(*_: Any) -> Any:
        raise Unavailable("told to")

    deliveries = behind(2)
    monkeypatch.setattr(Stream, "following", following)

    with pytest.raises(Unavailable):
        await run(deliveries)

    assert deliveries.row().behind == 2

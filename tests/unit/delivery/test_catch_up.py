from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import Message, Outcome
from chalicelib.connections.ports import CATCH_UP_SECONDS
from chalicelib.delivery import catch_up
from chalicelib.delivery.catch_up import ATTEMPTS, CaughtUp, backoff
from chalicelib.delivery.jobs import CatchUpJob
from tests.fakes.loop_clock import LoopClock
from tests.fakes.push import FakePush
from tests.model.world.interruptions import Killed
from tests.unit.delivery.deliveries import STREAM, Deliveries

FOREVER = float("inf")
ABC = "0000="


class Pushing(FakePush):
    """A push in which something happens before the ``nth`` post."""

    def __init__(self, nth: int, happens: Callable[[], Any]) -> None:
        super().__init__()
        self.nth, self.happens = nth, happens

    async def begin(self, _message: Message, _within: float) -> None:
        self.nth -= 1
        if self.nth == 0:
            self.happens()


def behind(events: int, push: FakePush | None = None, **row: Any) -> Deliveries:
    """Return a follower that is behind from event 2 on, and so many events that it lacks."""
    deliveries = Deliveries(push=push)
    deliveries.log(events)
    deliveries.change(**{"behind": 2, "missed": events + 1, **row})
    return deliveries


async def run(deliveries: Deliveries, deadline: float = FOREVER, until: int = 0) -> CaughtUp:
    return await deliveries.delivery.catch_up.run(STREAM, ABC, deadline, until)


async def work(deliveries: Deliveries, attempt: int = 1, deadline: float = FOREVER) -> int | None:
    return await deliveries.delivery.catch_up.work(CatchUpJob(STREAM, ABC, 2), attempt, deadline)


async def resume(deliveries: Deliveries, deadline: float = FOREVER) -> CaughtUp:
    return await deliveries.delivery.catch_up.resume(STREAM, ABC, deadline, until=30)


@pytest.mark.parametrize(("events", "heard"), [(5, [2, 3, 4, 5, 6]), (0, [])])
async def test_what_was_missed_is_replayed_in_order(events: int, heard: list[int]) -> None:
    deliveries = behind(events, missed=0 if events == 0 else events + 1)

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == heard
    row = deliveries.row()
    assert (row.behind, row.missed, row.position, row.catching_up_until) == (None, 0, events + 1, 0)


async def test_an_event_noted_during_the_last_post_is_replayed_too() -> None:
    def logged_meanwhile() -> None:
        deliveries.log()
        deliveries.change(missed=4)

    deliveries = behind(2, Pushing(2, logged_meanwhile))

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3, 4]


async def test_after_a_dead_function_at_most_a_page_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies() -> None:
        raise Killed

    monkeypatch.setattr(catch_up, "PAGE_SIZE", 2)
    deliveries = behind(5, Pushing(4, dies))
    with pytest.raises(Killed):
        await run(deliveries)

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3, 4, 4, 5, 6]


async def test_an_answering_function_catches_up_undisturbed_while_alive() -> None:
    deliveries = behind(2, catching_up_until=30)

    assert await work(deliveries) == CATCH_UP_SECONDS
    assert deliveries.push.posts == []
    deliveries.store.now = 30
    assert await work(deliveries) is None
    assert deliveries.heard() == [2, 3]


def left(deliveries: Deliveries) -> None:
    deliveries.store.leave(ABC, STREAM)


def gone(deliveries: Deliveries) -> None:
    deliveries.push.gone = {ABC}


def expired(deliveries: Deliveries) -> None:
    deliveries.store.now = deliveries.push.now = deliveries.row().token_expires_at


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("leaves", [left, gone, expired])
@pytest.mark.parametrize("missed", [0, 4])  # 0: who resumes lacks more than was noted since
async def test_who_leaves_gets_no_more(leaves: Callable[[Deliveries], None], nth: int, missed: int) -> None:
    deliveries = behind(3, Pushing(nth, lambda: leaves(deliveries)), missed=missed)

    assert await run(deliveries) is CaughtUp.GONE
    assert deliveries.heard() == [2, 3, 4][: 3 if leaves is left else nth - 1]
    assert await work(deliveries) is None
    if leaves is expired:
        assert deliveries.row().behind == 1 + nth
    else:
        assert ABC not in deliveries.store.audiences[STREAM]
        assert (deliveries.store.get(ABC) is None) is (leaves is gone)


@pytest.mark.parametrize("missed", [0, 4])
async def test_a_replay_goes_on_under_a_renewed_token(missed: int) -> None:
    class Renewing(FakePush):
        """A push that finds the token expired once, which is renewed at that moment."""

        def post(self, message: Message, recipient: Recipient, outcome: Outcome) -> None:
            if len(self.posts) == 1 and recipient.token_expires_at < 5_000_000_000:
                outcome.expired.append(recipient)
                deliveries.change(token_expires_at=5_000_000_000)
            else:
                super().post(message, recipient, outcome)

    deliveries = behind(3, Renewing(), missed=missed)

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3, 4]


async def test_an_event_not_in_the_log_yet_is_awaited(caplog: pytest.LogCaptureFixture) -> None:
    deliveries = behind(2, missed=4)

    first = await work(deliveries)
    reached = deliveries.row().behind
    second = await work(deliveries, attempt=2)
    complaints = caplog.messages[:]
    deliveries.log()
    third = await work(deliveries, attempt=3)

    assert (first, reached, second, third) == (1, 4, 1, None)
    assert "an event that a connection missed is not in the log" in complaints
    assert deliveries.heard() == [2, 3, 4]


async def test_an_event_that_nobody_has_noted_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = behind(1, missed=0)
    monkeypatch.setattr(deliveries.sessions, "events", lambda *_: ())

    assert await run(deliveries) is CaughtUp.FAILED
    assert deliveries.row().behind == 2


async def test_a_post_that_failed_is_tried_again_from_there() -> None:
    deliveries = behind(3, Pushing(2, lambda: deliveries.push.failing.add(ABC)))

    first = await work(deliveries)
    reached = deliveries.row().behind
    deliveries.push.failing.clear()
    second = await work(deliveries, attempt=2)

    assert (first, reached, second) == (1, 3, None)
    assert deliveries.heard() == [2, 3, 4]


async def test_a_replay_out_of_time_goes_on_where_it_was() -> None:
    def time_is_over() -> None:
        clock.now += 5

    clock = LoopClock()
    deliveries = behind(3, Pushing(2, time_is_over))

    first = await work(deliveries, deadline=clock.now + 5)
    reached = deliveries.row().behind
    second = await work(deliveries, deadline=clock.now + 5)

    assert (first, reached, second) == (0, 4, None)
    assert deliveries.heard() == [2, 3, 4]


async def test_after_all_attempts_a_client_is_closed() -> None:
    deliveries = behind(2)
    deliveries.push.failing = deliveries.push.stuck = {ABC}

    waits = [await work(deliveries, 1 + nth) for nth in range(ATTEMPTS)]
    deliveries.push.stuck = set()
    closed = await work(deliveries, ATTEMPTS + 1)

    assert (waits, closed) == ([1] * ATTEMPTS, None)  # it could not be closed at first
    assert deliveries.push.disconnected == [ABC]
    assert deliveries.store.get(ABC) is None
    assert ABC not in deliveries.store.audiences[STREAM]


@pytest.mark.parametrize(("attempt", "longest"), [(1, 2), (4, 16), (9, 120), (50, 120)])
def test_attempts_are_spread_over_a_longer_and_longer_time(attempt: int, longest: int) -> None:
    assert (backoff(attempt, lambda: 0.0), backoff(attempt, lambda: 0.999_999)) == (1, longest)


@pytest.mark.parametrize(
    ("fails_at", "deadline", "ended", "job"),
    [(9, FOREVER, CaughtUp.LIVE, None), (9, 0.0, CaughtUp.OUT_OF_TIME, 2), (2, FOREVER, CaughtUp.FAILED, 3)],
)
async def test_what_a_resume_leaves_becomes_a_job(
    fails_at: int, deadline: float, ended: CaughtUp, job: int | None
) -> None:
    deliveries = behind(3, Pushing(fails_at, lambda: deliveries.push.failing.add(ABC)), catching_up_until=30)

    assert await resume(deliveries, deadline) is ended
    jobs = deliveries.delivery.queue.jobs()
    deliveries.push.failing.clear()
    await deliveries.delivery.work()

    assert jobs == ([CatchUpJob(STREAM, ABC, job)] if job else [])
    assert deliveries.heard() == [2, 3, 4]

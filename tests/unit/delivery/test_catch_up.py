from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import Message, Outcome
from chalicelib.connections.ports import CATCH_UP_SECONDS
from chalicelib.delivery import catch_up
from chalicelib.delivery.catch_up import CaughtUp
from chalicelib.delivery.jobs import CatchUpJob
from tests.fakes.interleaving import Killed
from tests.fakes.push import FakePush
from tests.unit.delivery.deliveries import STREAM, Deliveries

FOREVER = float("inf")
ABC = "0000="
JOB = CatchUpJob(STREAM, ABC, 2)


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


async def test_what_was_missed_is_replayed_in_order() -> None:
    deliveries = behind(5)

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3, 4, 5, 6]


async def test_whoever_has_everything_is_live_from_there() -> None:
    deliveries = behind(5, catching_up_until=0)

    await run(deliveries)

    row = deliveries.row()
    assert (row.behind, row.missed, row.position, row.catching_up_until) == (None, 0, 6, 0)


async def test_whoever_is_live_is_left_alone() -> None:
    deliveries = Deliveries()
    deliveries.log(3)

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.push.posts == []


async def test_whoever_has_nothing_to_hear_is_live_at_once() -> None:
    deliveries = Deliveries()
    deliveries.change(behind=2, missed=0)

    assert await run(deliveries) is CaughtUp.LIVE
    assert (deliveries.row().behind, deliveries.row().position) == (None, 1)


@pytest.mark.parametrize("opted_in", [False, True])
async def test_replayed_frames_are_those_of_live_events(*, opted_in: bool) -> None:
    deliveries = behind(1, wants_cursor=opted_in)
    [event] = deliveries.sessions.events(STREAM, 1, 9)

    await run(deliveries)

    expected = event.with_place.encode() if opted_in else event.plain
    assert [body for _, body in deliveries.push.posts] == [expected]


async def test_an_event_noted_during_the_last_post_is_replayed_too() -> None:
    def logged_meanwhile() -> None:
        deliveries.log()
        deliveries.change(missed=4)

    deliveries = behind(2, Pushing(2, logged_meanwhile))

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3, 4]


async def test_a_long_replay_is_saved_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "PAGE_SIZE", 2)
    saved: list[tuple[int | None, list[int]]] = []
    deliveries = behind(5)
    right = deliveries.delivery.audiences.advance

    async def advance(*arguments: Any) -> bool:
        done = await right(*arguments)
        saved.append((deliveries.row().behind, deliveries.heard()))
        return done

    deliveries.delivery.audiences.advance = advance  # type: ignore[method-assign, assignment]

    assert await run(deliveries) is CaughtUp.LIVE
    assert saved == [(4, [2, 3]), (6, [2, 3, 4, 5])]
    assert deliveries.heard() == [2, 3, 4, 5, 6]


async def test_after_a_dead_function_at_most_a_page_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies() -> None:
        raise Killed

    monkeypatch.setattr(catch_up, "PAGE_SIZE", 2)
    deliveries = behind(5, Pushing(4, dies))
    with pytest.raises(Killed):
        await run(deliveries)

    assert await run(deliveries) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3, 4, 4, 5, 6]


async def test_what_the_answering_function_catches_up_is_taken() -> None:
    deliveries = behind(2, catching_up_until=30)

    assert await run(deliveries) is CaughtUp.TAKEN
    assert await deliveries.delivery.catch_up.work(JOB, 1, FOREVER) == CATCH_UP_SECONDS
    assert deliveries.push.posts == []


async def test_a_job_takes_over_from_a_dead_answering_function() -> None:
    deliveries = behind(2, catching_up_until=30)
    deliveries.store.now = 30

    assert await deliveries.delivery.catch_up.work(JOB, 2, FOREVER) is None
    assert deliveries.heard() == [2, 3]


async def test_the_answering_function_itself_may_catch_up() -> None:
    deliveries = behind(2, catching_up_until=30)

    assert await run(deliveries, until=30) is CaughtUp.LIVE
    assert deliveries.heard() == [2, 3]


async def test_whoever_has_left_is_not_caught_up() -> None:
    deliveries = behind(2)
    deliveries.store.remove(ABC)

    assert await run(deliveries) is CaughtUp.GONE
    assert await deliveries.delivery.catch_up.work(JOB, 1, FOREVER) is None


async def test_whoever_is_gone_is_removed() -> None:
    deliveries = behind(2)
    deliveries.push.gone = {ABC}

    assert await run(deliveries) is CaughtUp.GONE
    assert deliveries.store.get(ABC) is None


async def test_whoever_leaves_during_a_replay_is_not_made_live() -> None:
    deliveries = behind(2, Pushing(2, lambda: deliveries.store.leave(ABC, STREAM)))

    assert await run(deliveries) is CaughtUp.GONE
    assert ABC not in deliveries.store.audiences[STREAM]


def expires(deliveries: Deliveries) -> None:
    """Let the follower's token expire."""
    deliveries.store.now = deliveries.push.now = deliveries.row().token_expires_at


@pytest.mark.parametrize("missed", [0, 4])  # 0: who resumes lacks more than was noted since
async def test_after_a_token_has_expired_nothing_is_replayed(missed: int) -> None:
    deliveries = behind(3, Pushing(2, lambda: expires(deliveries)), missed=missed)

    assert await run(deliveries) is CaughtUp.GONE
    assert deliveries.heard() == [2]
    assert deliveries.row().behind == 3


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

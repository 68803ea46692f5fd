"""Sweeps that overlap, die, fail or run out of time: nobody is forgotten, and nobody is told twice."""

import asyncio
from typing import Any

import pytest

from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.expired_deadlines import CLAIM_SECONDS
from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.connections.messages import DeliveryReport
from chalicelib.connections.ports import Reached
from chalicelib.errors import Unavailable
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore
from tests.unit.connections.swept import HOUR, MIDNIGHT, MINUTE, TIMEOUT, House


def test_two_sweeps_at_once_tell_everybody_once() -> None:
    house = House()
    for number in range(10):
        house.connect(f"silent{number}=")
        house.authenticated(58 * MINUTE + 118, f"resumes{number}=", resumes=True)
    house.now = 58 * MINUTE

    async def both() -> None:
        await asyncio.gather(house.sweeping(), house.sweeping(), house.sweeping())

    asyncio.run(both())

    assert len(house.push.posts) == len(set(house.push.posts)) == 20
    assert len(house.push.disconnected) == len(set(house.push.disconnected)) == 10


def test_whoever_authenticates_while_it_is_being_swept_stays() -> None:
    class Meanwhile(FakeConnectionStore):
        def get(self, connection_id: str) -> Connection | None:
            found = super().get(connection_id)
            if found is not None and house.now == MINUTE:
                house.now += 1  # once
                house.connections.authenticate(connection_id, str(HOUR))
            return found

    house = House(Meanwhile(shards=2))
    house.connect()

    house.minutes_pass(MINUTE)

    assert house.push.posts == []
    assert house.push.disconnected == []
    assert house.audience() == ["abc="]
    assert [one.deadline.kind for one in house.store.deadlines()] == [DeadlineKind.TOKEN_EXPIRED]


def test_a_connection_that_a_dead_sweep_began_to_close_is_closed() -> None:
    house = House()
    house.connect()
    house.now = MINUTE
    house.store.claim(house.known(), MIDNIGHT + MINUTE)

    reports = [house.sweep_once()]
    for _ in range(CLAIM_SECONDS // MINUTE):
        house.now += MINUTE
        reports.append(house.sweep_once())

    assert [report.unfinished for report in reports] == [1, 1, 0]
    assert house.told() == [TIMEOUT]
    assert house.store.get("abc=") is None


class DiesPosting(FakePush):
    """A push whose process ends at the first post, before or after it."""

    def __init__(self, *, after: bool) -> None:
        super().__init__()
        self._after = after

    async def broadcast(self, *arguments: Any, **named: Any) -> DeliveryReport:
        if self._after:
            await super().broadcast(*arguments, **named)
        raise KeyboardInterrupt


@pytest.mark.parametrize("after", [False, True], ids=["before it was sent", "after it was sent"])
def test_a_notice_over_which_a_sweep_died_is_sent_by_another(*, after: bool) -> None:
    house = House()
    house.authenticated(20 * MINUTE, resumes=True)
    house.now = 18 * MINUTE
    alive, house.push = house.push, DiesPosting(after=after)
    with pytest.raises(KeyboardInterrupt):
        house.sweep_once()
    house.push = alive

    house.minutes_pass(19 * MINUTE)

    assert house.told() == [f"token_expiring {MIDNIGHT + 20 * MINUTE}".encode()]


def test_a_deadline_without_a_connection_is_removed() -> None:
    house = House()
    house.store.leave_deadline(Reached("gone=", Deadline(MIDNIGHT, DeadlineKind.AUTHENTICATE), 0))

    house.minutes_pass(MINUTE)

    assert house.store.deadlines() == []
    assert house.push.posts == []


def test_a_deadline_that_its_connection_does_not_have_any_more_is_removed_and_nothing_else() -> None:
    house = House()
    house.authenticated(HOUR)
    house.store.leave_deadline(Reached("abc=", Deadline(MIDNIGHT, DeadlineKind.AUTHENTICATE), 0))

    house.minutes_pass(MINUTE)

    assert [one.deadline.kind for one in house.store.deadlines()] == [DeadlineKind.TOKEN_EXPIRED]
    assert house.push.posts == []


def test_what_a_deploy_with_longer_lives_makes_due_later_is_done_then() -> None:
    house = House()
    house.connect()
    house.life = ConnectionLife(to_authenticate=5 * MINUTE)

    house.minutes_pass(4 * MINUTE)
    before = house.told()
    reports = [house.sweep_once()]
    house.minutes_pass(6 * MINUTE)

    assert before == []
    assert [report.unfinished for report in reports] == [0]
    assert house.told() == [TIMEOUT]
    assert house.store.deadlines() == []


class Failing(FakeConnectionStore):
    """A store that does not answer about some connections."""

    def __init__(self, error: Exception) -> None:
        super().__init__(shards=2)
        self.error = error
        self.about: set[str] = set()

    def get(self, connection_id: str) -> Connection | None:
        if connection_id in self.about:
            raise self.error
        return super().get(connection_id)


@pytest.mark.parametrize("error", [Unavailable("told to"), ValueError("a defect")])
def test_one_connection_that_fails_stops_no_other_and_its_turn_comes(error: Exception) -> None:
    store = Failing(error)
    house = House(store)
    house.minutes_pass(MINUTE)
    for name in ("a=", "b=", "c="):
        house.connect(name)
    store.about = {"b="}
    house.minutes_pass(20 * MINUTE)
    before = sorted(house.push.disconnected)
    store.about.clear()

    house.minutes_pass(21 * MINUTE)

    assert before == ["a=", "c="]
    assert sorted(house.push.disconnected) == ["a=", "b=", "c="]


def test_what_there_is_no_time_for_is_left_for_the_next_sweep() -> None:
    house = House()
    house.connect()
    house.now = MINUTE

    report = asyncio.run(house.sweeping(within=-1.0))
    marked = house.store.swept
    house.minutes_pass(10 * MINUTE)

    assert report.unfinished
    assert marked is None
    assert house.push.disconnected == ["abc="]

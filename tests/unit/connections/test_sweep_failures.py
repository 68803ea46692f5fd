"""Sweeps that overlap, die, fail or run out of time: nobody is forgotten, and nobody is notified twice."""

import asyncio
from typing import Any

import pytest

from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.expired_deadlines import CLAIM_SECONDS
from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.connections.messages import Outcome
from chalicelib.connections.ports import DeadlinePage, ExpiredDeadline
from chalicelib.errors import Unavailable
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore
from tests.unit.connections.swept import HOUR, MIDNIGHT, MINUTE, TIMEOUT, Service


def test_two_sweeps_at_once_tell_everybody_once() -> None:
    service = Service(page_size=3)
    for number in range(10):
        service.connect(f"silent{number}=")
        service.authenticated(58 * MINUTE + 118, f"resumes{number}=", resumes=True)
    service.now = 58 * MINUTE

    async def both() -> None:
        await asyncio.gather(service.sweeping(), service.sweeping(), service.sweeping())

    asyncio.run(both())

    assert len(service.push.posts) == len(set(service.push.posts)) == 20
    assert len(service.push.disconnected) == len(set(service.push.disconnected)) == 10


def test_whoever_authenticates_while_it_is_being_swept_stays() -> None:
    class Meanwhile(FakeConnectionStore):
        def get(self, connection_id: str) -> Connection | None:
            found = super().get(connection_id)
            if found is not None and service.now == MINUTE:
                service.now += 1  # once
                service.connections.authenticate(connection_id, str(HOUR))
            return found

    service = Service(Meanwhile(shards=2))
    service.connect()

    service.minutes_pass(MINUTE)

    assert service.push.posts == []
    assert service.push.disconnected == []
    assert service.followers() == ["abc="]
    assert [one.deadline.kind for one in service.store.deadlines()] == [DeadlineKind.TOKEN_EXPIRED]


def test_what_a_dead_sweep_began_to_close_is_closed() -> None:
    service = Service()
    service.connect()
    service.now = MINUTE
    service.store.claim(service.known(), MIDNIGHT + MINUTE)

    reports = [service.sweep_once()]
    for _ in range(CLAIM_SECONDS // MINUTE):
        service.now += MINUTE
        reports.append(service.sweep_once())

    assert [report.unfinished for report in reports] == [1, 1, 0]
    assert service.notified() == [TIMEOUT]
    assert service.store.get("abc=") is None


class DiesPosting(FakePush):
    """A push whose process ends at the first post, before or after it."""

    def __init__(self, *, after: bool) -> None:
        super().__init__()
        self._after = after

    async def send(self, *arguments: Any, **named: Any) -> Outcome:
        if self._after:
            await super().send(*arguments, **named)
        raise KeyboardInterrupt


@pytest.mark.parametrize("after", [False, True], ids=["before it was sent", "after it was sent"])
def test_a_notice_of_a_dead_sweep_is_sent_by_another(*, after: bool) -> None:
    service = Service()
    service.authenticated(20 * MINUTE, resumes=True)
    service.now = 18 * MINUTE
    alive, service.push = service.push, DiesPosting(after=after)
    with pytest.raises(KeyboardInterrupt):
        service.sweep_once()
    service.push = alive

    service.minutes_pass(19 * MINUTE)

    assert service.notified() == [f"token_expiring {MIDNIGHT + 20 * MINUTE}".encode()]


def test_longer_lives_postpone_a_deadline_that_was_reached() -> None:
    service = Service()
    service.connect()
    service.life = ConnectionLife(to_authenticate=5 * MINUTE)

    service.minutes_pass(4 * MINUTE)
    before = service.notified()
    reports = [service.sweep_once()]
    service.minutes_pass(6 * MINUTE)

    assert before == []
    assert [report.unfinished for report in reports] == [0]
    assert service.notified() == [TIMEOUT]
    assert service.store.deadlines() == []


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


@pytest.mark.parametrize("error", [Unavailable("notified to"), ValueError("a defect")])
def test_one_connection_that_fails_stops_no_other(error: Exception) -> None:
    store = Failing(error)
    service = Service(store)
    service.minutes_pass(MINUTE)
    for name in ("a=", "b=", "c="):
        service.connect(name)
    store.about = {"b="}
    service.minutes_pass(20 * MINUTE)
    before = sorted(service.push.disconnected)
    store.about.clear()

    service.minutes_pass(21 * MINUTE)

    assert before == ["a=", "c="]
    assert sorted(service.push.disconnected) == ["a=", "b=", "c="]


def test_what_there_is_no_time_for_the_next_sweep_does() -> None:
    service = Service()
    service.connect()
    service.now = MINUTE

    report = asyncio.run(service.sweeping(within=-1.0))
    marked = service.store.swept
    service.minutes_pass(10 * MINUTE)

    assert report.unfinished
    assert marked is None
    assert service.push.disconnected == ["abc="]


@pytest.mark.parametrize("name", ["gone=", "abc="])
def test_an_outdated_deadline_is_removed_and_nothing_else(name: str) -> None:
    service = Service()
    service.authenticated(HOUR)
    service.store.leave_deadline(ExpiredDeadline(name, Deadline(MIDNIGHT, DeadlineKind.AUTHENTICATE), 0))

    service.minutes_pass(MINUTE)

    assert [one.deadline.kind for one in service.store.deadlines()] == [DeadlineKind.TOKEN_EXPIRED]
    assert service.push.posts == []


def test_a_shard_that_cannot_be_read_is_swept_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def page(_store: FakeConnectionStore, _minute: int, shard: int, *where: Any) -> DeadlinePage:
        if shard == 0:
            raise Unavailable("told to")
        return right(service.store, _minute, shard, *where)

    service, right = Service(), FakeConnectionStore.page
    service.connect()
    service.now = MINUTE
    with monkeypatch.context() as patch:
        patch.setattr(FakeConnectionStore, "page", page)
        with pytest.raises(Unavailable):
            service.sweep_once()
    marked = service.store.swept
    service.minutes_pass(2 * MINUTE)

    assert marked is None
    assert service.push.disconnected == ["abc="]

"""Which minutes a sweep looks at, whatever the clocks say."""

import pytest

from chalicelib.connections.connection import Connection
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.sweep import LOOK_BACK_MINUTES, OVERLAP_MINUTES
from tests.fakes.stores import FakeConnectionStore
from tests.unit.connections.swept import EXPIRED, HOUR, MIDNIGHT, MINUTE, TIMEOUT, Service


def test_a_sweep_that_missed_minutes_catches_up() -> None:
    service = Service()
    service.minutes_pass(5 * MINUTE)
    for minute in range(10):
        service.now = (5 + minute) * MINUTE
        service.connect(f"{minute}=")

    service.now = 40 * MINUTE
    report = service.sweep_once()

    assert sorted(service.push.disconnected) == [f"{minute}=" for minute in range(10)]
    assert report.behind > 30
    assert service.sweep_once().behind == 0


def test_the_first_sweep_looks_back_over_a_connections_whole_life() -> None:
    service = Service()
    service.connect()
    service.now = 100 * MINUTE

    report = service.sweep_once()

    assert service.push.disconnected == ["abc="]
    assert report.minutes == LOOK_BACK_MINUTES + 1


def test_a_late_sweep_does_what_was_due_at_its_time() -> None:
    service = Service()
    service.minutes_pass(10 * MINUTE)
    service.connect()
    service.now = 5 * MINUTE  # a start that EventBridge had to try again

    service.sweep_once()
    marked = service.store.swept
    service.now = 11 * MINUTE
    service.sweep_once()

    assert marked == MIDNIGHT // 60 + 9
    assert service.notified() == [TIMEOUT]


def test_what_nothing_is_due_of_is_not_even_read() -> None:
    reads: list[str] = []

    class Watched(FakeConnectionStore):
        def get(self, connection_id: str) -> Connection | None:
            reads.append(connection_id)
            return super().get(connection_id)

    service = Service(Watched(shards=2))
    service.minutes_pass(MINUTE)
    for number in range(50):
        service.authenticated(HOUR, f"{number}=")
    reads.clear()
    pages = service.store.pages_read

    service.minutes_pass(2 * MINUTE)

    assert reads == []
    assert service.store.pages_read - pages == 2 * (OVERLAP_MINUTES + 2)


@pytest.mark.parametrize("behind", [-60, -30, 0, 30, 60])
@pytest.mark.parametrize("opened", [0, 29, 31, 59])
def test_clocks_that_differ_by_a_minute_lose_no_deadline(opened: int, behind: int) -> None:
    service = Service()
    service.minutes_pass(10 * MINUTE)
    service.behind = behind
    service.now = 10 * MINUTE + opened
    service.connect("silent=")
    service.authenticated(service.now + 90, "short=")
    service.authenticated(
        service.now + 110, "resumes=", resumes=True
    )  # so it is due at once, by a clock that may be slow
    closed_at: dict[str, int] = {}

    for minute in range(11, 20):
        service.now = minute * MINUTE
        service.sweep_once()
        closed_at |= {name: service.now for name in service.push.disconnected if name not in closed_at}

    since = {name: at - 10 * MINUTE - opened for name, at in closed_at.items()}
    assert 30 <= since["silent="] <= 90 + 60
    assert 90 <= since["short="] <= 150 + 60
    assert service.notified("silent=") == [TIMEOUT]
    assert service.notified("resumes=") == [
        f"token_expiring {MIDNIGHT + 10 * MINUTE + opened + 110}".encode(),
        EXPIRED,
    ]


def test_what_an_expired_connection_leaves_is_removed() -> None:
    service = Service()
    service.authenticated(expires=24 * HOUR)
    service.now = MAX_CONNECTION_SECONDS
    service.store.now = MIDNIGHT + service.now  # its row has expired, and TTL has not deleted it yet

    service.sweep_once()

    assert service.followers() == []
    assert service.store.deadlines() == []

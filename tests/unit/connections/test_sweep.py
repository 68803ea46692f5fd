"""The sweep, minute by minute, with a clock that the test owns."""

import pytest

from chalicelib.connections.clients import ConnectionExpired
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.expired_deadlines import CLAIM_SECONDS
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.sweep import LOOK_BACK_MINUTES, OVERLAP_MINUTES
from chalicelib.errors import ConnectionUnknown
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.events import session_stream
from tests.fakes.stores import FakeConnectionStore
from tests.unit.connections.swept import EXPIRED, HOUR, MIDNIGHT, MINUTE, TIMEOUT, Service


@pytest.mark.parametrize("opened", range(0, 60, 7))
def test_whoever_does_not_authenticate_is_closed_within_90_seconds(
    opened: int,
) -> None:
    service = Service()
    service.now = opened
    service.connect()
    closed_at: list[int] = []

    for minute in range(1, 5):
        service.now = minute * MINUTE
        service.sweep_once()
        if service.push.disconnected and not closed_at:
            closed_at.append(service.now)

    assert service.notified() == [TIMEOUT]
    assert service.push.disconnected == ["abc="]
    assert 30 <= closed_at[0] - opened <= 90
    assert service.store.get("abc=") is None
    assert service.store.deadlines() == []


def test_who_authenticates_in_time_is_left_alone() -> None:
    service = Service()
    service.authenticated(expires=HOUR)

    service.minutes_pass(HOUR - 1)

    assert service.push.posts == []
    assert service.followers() == ["abc="]


def test_a_connection_has_one_deadline_whatever_happens_to_it() -> None:
    service = Service()
    kinds = []

    service.connect()
    kinds += service.store.deadlines()
    service.connections.authenticate("abc=", str(HOUR))
    kinds += service.store.deadlines()
    service.connections.authenticate("abc=", str(2 * HOUR), BEGINNING)
    kinds += service.store.deadlines()
    service.minutes_pass(111 * MINUTE)
    kinds += service.store.deadlines()
    service.connections.disconnect("abc=")

    assert [one.deadline for one in kinds] == [
        Deadline(MIDNIGHT + 30, DeadlineKind.AUTHENTICATE),
        Deadline(MIDNIGHT + HOUR, DeadlineKind.TOKEN_EXPIRED),
        Deadline(MIDNIGHT + 110 * MINUTE, DeadlineKind.MAX_AGE),
        Deadline(MIDNIGHT + 118 * MINUTE, DeadlineKind.TOKEN_EXPIRING),
    ]
    assert service.store.deadlines() == []


def test_an_expiring_token_is_told_of_to_whoever_resumes() -> None:
    service = Service()
    service.authenticated(HOUR, "plain=")
    service.authenticated(HOUR, "resumes=", resumes=True)

    service.minutes_pass(58 * MINUTE)
    before = (service.notified("plain="), service.notified("resumes="))
    service.minutes_pass(2 * HOUR)

    expiring = f"token_expiring {MIDNIGHT + HOUR}".encode()
    assert before == ([], [expiring])
    assert service.notified("plain=") == [EXPIRED]
    assert service.notified("resumes=") == [expiring, EXPIRED]
    assert sorted(service.push.disconnected) == ["plain=", "resumes="]
    assert service.followers() == []


def test_subscribing_with_a_cursor_asks_for_no_notices() -> None:
    service = Service()
    service.authenticated(HOUR)
    service.connections.subscribe("abc=", 1, BEGINNING)

    service.minutes_pass(59 * MINUTE)

    assert service.notified() == []


def test_another_token_in_time_is_all_it_takes_to_stay() -> None:
    service = Service()
    service.authenticated(HOUR, resumes=True)
    service.minutes_pass(59 * MINUTE)

    service.connections.authenticate("abc=", str(100 * MINUTE))
    service.minutes_pass(99 * MINUTE)

    assert service.notified() == [
        f"token_expiring {MIDNIGHT + HOUR}".encode(),
        f"token_expiring {MIDNIGHT + 100 * MINUTE}".encode(),
    ]
    assert service.followers() == ["abc="]


def test_nothing_follows_the_news_of_an_expired_token() -> None:
    service = Service()
    service.authenticated(HOUR)
    service.now = HOUR

    with pytest.raises(ConnectionExpired):
        service.connections.authenticate("abc=", str(2 * HOUR))
    service.sweep_once()

    assert service.notified() == [EXPIRED]
    with pytest.raises(ConnectionUnknown):
        service.connections.authenticate("abc=", str(2 * HOUR))


@pytest.mark.parametrize(("random", "after"), [(0.0, 0), (0.5, 150_000), (0.999_999_9, 300_000)])
def test_whoever_resumes_is_asked_once_to_reconnect_within_five_minutes(random: float, after: int) -> None:
    service = Service()
    service.authenticated(5 * HOUR, "plain=")
    service.authenticated(5 * HOUR, "resumes=", resumes=True)

    for minute in range(1, 130):
        service.now = minute * MINUTE
        service.sweep_once(random)

    assert service.notified("plain=") == []
    assert service.notified("resumes=") == [f"reconnect {after}".encode()]
    assert service.push.disconnected == []


def test_what_is_left_of_a_lost_connection_is_removed() -> None:
    service = Service()
    service.authenticated(5 * HOUR)
    service.connections.subscribe("abc=", 1)

    service.minutes_pass(131 * MINUTE)

    assert service.store.get("abc=") is None
    assert service.followers(session_stream(1)) == []
    assert service.push.posts == []
    assert service.store.deadlines() == []


def test_a_notice_that_finds_nobody_removes_every_trace() -> None:
    service = Service()
    service.authenticated(HOUR, resumes=True)
    service.push.gone.add("abc=")

    service.minutes_pass(58 * MINUTE)

    assert service.store.get("abc=") is None
    assert service.followers() == []
    assert service.store.deadlines() == []


def test_a_goodbye_that_finds_nobody_removes_every_trace() -> None:
    service = Service()
    service.connect()
    service.push.gone.add("abc=")

    service.minutes_pass(2 * MINUTE)

    assert service.store.get("abc=") is None
    assert service.push.disconnected == []


def test_a_notice_that_failed_is_sent_again_a_minute_later() -> None:
    service = Service()
    service.authenticated(HOUR, resumes=True)
    service.push.failing.add("abc=")
    service.minutes_pass(58 * MINUTE)
    service.push.failing.clear()

    service.minutes_pass(59 * MINUTE)

    assert service.notified() == [f"token_expiring {MIDNIGHT + HOUR}".encode()]
    assert service.store.deadlines()[0].deadline.kind is DeadlineKind.TOKEN_EXPIRED


def test_a_token_expires_in_time_however_often_its_notice_fails() -> None:
    service = Service()
    service.authenticated(HOUR, resumes=True)
    service.push.failing.add("abc=")
    service.minutes_pass(59 * MINUTE)
    service.push.failing.clear()

    service.minutes_pass(HOUR)

    assert service.notified() == [EXPIRED]


def test_a_connection_that_cannot_be_closed_is_closed_later() -> None:
    service = Service()
    service.connect()
    service.push.stuck.add("abc=")
    service.minutes_pass(MINUTE)

    with pytest.raises(ConnectionUnknown):
        service.connections.authenticate("abc=", str(HOUR))
    service.push.stuck.clear()
    service.minutes_pass(MINUTE + CLAIM_SECONDS)

    assert service.push.disconnected == ["abc="]
    assert service.store.get("abc=") is None


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


def test_no_sweep_looks_back_further_than_a_connection_can_last() -> None:
    service = Service()
    service.minutes_pass(MINUTE)
    service.now = 24 * HOUR

    assert service.sweep_once().minutes == LOOK_BACK_MINUTES + 1


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


def test_a_minute_of_several_pages_is_done_to_its_end() -> None:
    service = Service(page_size=3)
    for number in range(20):
        service.connect(f"{number}=")

    service.minutes_pass(2 * MINUTE)

    assert len(set(service.push.disconnected)) == 20


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
    assert service.notified("resumes=") == [
        f"token_expiring {MIDNIGHT + 10 * MINUTE + opened + 110}".encode(),
        EXPIRED,
    ]


def test_a_token_that_expires_soon_is_told_at_once() -> None:
    service = Service()
    service.now = 10 * MINUTE
    service.authenticated(11 * MINUTE + 30, resumes=True)

    service.minutes_pass(13 * MINUTE)

    assert service.notified() == [f"token_expiring {MIDNIGHT + 11 * MINUTE + 30}".encode(), EXPIRED]


def test_what_an_expired_connection_leaves_is_removed() -> None:
    service = Service()
    service.authenticated(expires=24 * HOUR)
    service.now = MAX_CONNECTION_SECONDS
    service.store.now = MIDNIGHT + service.now  # its row has expired, and TTL has not deleted it yet

    service.sweep_once()

    assert service.followers() == []
    assert service.store.deadlines() == []

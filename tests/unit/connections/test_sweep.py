"""The sweep, minute by minute, with a clock that the test owns."""

import pytest

from chalicelib.connections.clients import ConnectionExpired
from chalicelib.connections.deadlines import DeadlineKind
from chalicelib.connections.expired_deadlines import CLAIM_SECONDS
from chalicelib.errors import ConnectionUnknown
from chalicelib.nights.events import session_stream
from tests.unit.connections.swept import EXPIRED, HOUR, MIDNIGHT, MINUTE, Service


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
    assert service.store.deadlines() == []
    assert service.push.posts == []


def test_a_notice_that_failed_is_sent_again_a_minute_later() -> None:
    service = Service()
    service.authenticated(HOUR, resumes=True)
    service.push.failing.add("abc=")
    service.minutes_pass(58 * MINUTE)
    service.push.failing.clear()

    service.minutes_pass(59 * MINUTE)

    assert service.notified() == [f"token_expiring {MIDNIGHT + HOUR}".encode()]
    assert service.store.deadlines()[0].deadline.kind is DeadlineKind.TOKEN_EXPIRED


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


@pytest.mark.parametrize("authenticated", [False, True])
def test_a_frame_that_finds_nobody_removes_every_trace(*, authenticated: bool) -> None:
    service = Service()
    if authenticated:
        service.authenticated(HOUR, resumes=True)
        service.connections.subscribe("abc=", 1)
    else:
        service.connect()
    service.push.gone.add("abc=")

    service.minutes_pass(58 * MINUTE)

    assert service.store.get("abc=") is None
    assert service.followers() == service.followers(session_stream(1)) == []
    assert service.store.deadlines() == []
    assert service.push.disconnected == []

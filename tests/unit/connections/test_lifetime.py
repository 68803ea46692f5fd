from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.lifetime import CLOSING, ConnectionLife
from tests.fakes.identity import claims

OPENED = 1_000_000
MINUTE = 60
HOUR = 60 * MINUTE
LIFE = ConnectionLife()
KINDS = st.frozensets(st.sampled_from([DeadlineKind.TOKEN_EXPIRING, DeadlineKind.MAX_AGE]))


def opened() -> Connection:
    return Connection("abc=", "api", "dev", OPENED, "127.0.0.1")


def known(expires_in: int, *, resumes: bool = False) -> Connection:
    return opened().identified(claims("kosmi", expires_at=OPENED + expires_in), wants_cursor=resumes)


def test_whoever_connects_has_thirty_seconds_to_authenticate() -> None:
    assert LIFE.next(opened(), OPENED) == Deadline(OPENED + 30, DeadlineKind.AUTHENTICATE)
    assert LIFE.due(opened(), OPENED + 29) == []
    assert LIFE.due(opened(), OPENED + 30) == [DeadlineKind.AUTHENTICATE]


def test_after_authenticating_the_next_deadline_is_the_tokens() -> None:
    connection = known(HOUR)

    assert LIFE.next(connection, OPENED) == Deadline(OPENED + HOUR, DeadlineKind.TOKEN_EXPIRED)
    assert LIFE.due(connection, OPENED + HOUR - 1) == []
    assert LIFE.due(connection, OPENED + HOUR) == [DeadlineKind.TOKEN_EXPIRED]


def test_whoever_resumes_is_told_two_minutes_before_its_token_expires() -> None:
    connection = known(HOUR, resumes=True)

    assert LIFE.next(connection, OPENED) == Deadline(OPENED + HOUR - 120, DeadlineKind.TOKEN_EXPIRING)


def test_whoever_can_resume_is_asked_to_reconnect_after_110_minutes() -> None:
    connection = known(24 * HOUR, resumes=True)

    assert LIFE.next(connection, OPENED) == Deadline(OPENED + 110 * MINUTE, DeadlineKind.MAX_AGE)


def test_whoever_cannot_resume_is_asked_nothing() -> None:
    connection = known(24 * HOUR)

    assert LIFE.next(connection, OPENED) == Deadline(OPENED + 130 * MINUTE, DeadlineKind.END)
    assert LIFE.due(connection, OPENED + 129 * MINUTE) == []


def test_a_notice_is_told_once_for_each_token() -> None:
    connection = replace(known(HOUR, resumes=True), notified=frozenset({DeadlineKind.TOKEN_EXPIRING}))

    renewed = connection.identified(claims("kosmi", expires_at=OPENED + 90 * MINUTE), wants_cursor=False)

    assert LIFE.next(connection, OPENED).kind is DeadlineKind.TOKEN_EXPIRED
    assert LIFE.next(renewed, OPENED) == Deadline(OPENED + 88 * MINUTE, DeadlineKind.TOKEN_EXPIRING)


def test_another_token_makes_no_connection_younger() -> None:
    notified = replace(known(24 * HOUR, resumes=True), notified=frozenset({DeadlineKind.MAX_AGE}))

    renewed = notified.identified(claims("kosmi", expires_at=OPENED + 48 * HOUR), wants_cursor=True)

    assert LIFE.next(renewed, OPENED + 111 * MINUTE).kind is DeadlineKind.END


def test_what_has_passed_already_is_due_at_once() -> None:
    connection = known(60, resumes=True)  # its token expires sooner than it could be notified in time

    assert LIFE.next(connection, OPENED + 7.9) == Deadline(OPENED + 7, DeadlineKind.TOKEN_EXPIRING)


def test_a_connection_that_is_closed_is_told_nothing_else() -> None:
    connection = known(110 * MINUTE, resumes=True)

    assert LIFE.due(connection, OPENED + 110 * MINUTE) == [DeadlineKind.TOKEN_EXPIRED]
    assert LIFE.due(connection, OPENED + 131 * MINUTE) == [DeadlineKind.END]


def test_two_notices_can_be_due_at_the_same_time() -> None:
    connection = known(111 * MINUTE, resumes=True)

    assert LIFE.due(connection, OPENED + 110 * MINUTE) == [DeadlineKind.TOKEN_EXPIRING, DeadlineKind.MAX_AGE]


@given(expires_in=st.integers(1, 10_000), resumes=st.booleans(), notified=KINDS, now=st.integers(0, 10_000))
def test_something_is_due_at_the_next_deadline_and_not_before(
    expires_in: int,
    notified: frozenset[DeadlineKind],
    now: int,
    *,
    resumes: bool,
) -> None:
    connection = replace(known(expires_in, resumes=resumes), notified=notified)
    following = LIFE.next(connection, OPENED + now)

    assert following.at >= OPENED + now
    assert LIFE.due(connection, following.at)
    if following.at > OPENED + now:
        assert LIFE.due(connection, following.at - 1) == []


@given(expires_in=st.integers(1, 10_000), resumes=st.booleans())
def test_every_connection_ends(expires_in: int, *, resumes: bool) -> None:
    connection, now = known(expires_in, resumes=resumes), OPENED
    steps = 0
    while not set(due := LIFE.due(connection, now)) & set(CLOSING):
        connection = replace(connection, notified=connection.notified | {*due})
        now = LIFE.next(connection, now).at
        steps += 1

    assert steps <= 4
    assert now <= OPENED + 130 * MINUTE


@pytest.mark.parametrize(("seconds", "minute"), [(0, 0), (59, 0), (60, 1), (61, 1)])
def test_a_deadline_is_found_by_its_minute(seconds: int, minute: int) -> None:
    assert Deadline(seconds, DeadlineKind.END).minute == minute

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.lifetime import ConnectionLife
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


@pytest.mark.parametrize(
    ("connection", "seconds", "kind"),
    [
        (opened(), 30, DeadlineKind.AUTHENTICATE),
        (known(HOUR), HOUR, DeadlineKind.TOKEN_EXPIRED),
        (known(HOUR, resumes=True), HOUR - 120, DeadlineKind.TOKEN_EXPIRING),
        (known(24 * HOUR, resumes=True), 110 * MINUTE, DeadlineKind.MAX_AGE),
        (known(24 * HOUR), 130 * MINUTE, DeadlineKind.END),
    ],
)
def test_a_connection_has_one_next_deadline(connection: Connection, seconds: int, kind: DeadlineKind) -> None:
    assert LIFE.next(connection, OPENED) == Deadline(OPENED + seconds, kind)
    assert LIFE.due(connection, OPENED + seconds - 1) == []
    assert LIFE.due(connection, OPENED + seconds) == [kind]


def test_a_notice_is_told_once_for_each_token() -> None:
    connection = replace(known(HOUR, resumes=True), notified=frozenset({DeadlineKind.TOKEN_EXPIRING}))

    renewed = connection.identified(claims("kosmi", expires_at=OPENED + 90 * MINUTE), wants_cursor=False)

    assert LIFE.next(connection, OPENED).kind is DeadlineKind.TOKEN_EXPIRED
    assert LIFE.next(renewed, OPENED) == Deadline(OPENED + 88 * MINUTE, DeadlineKind.TOKEN_EXPIRING)


def test_what_has_passed_already_is_due_at_once() -> None:
    connection = known(60, resumes=True)  # its token expires sooner than it could be notified in time

    assert LIFE.next(connection, OPENED + 7.9) == Deadline(OPENED + 7, DeadlineKind.TOKEN_EXPIRING)


@pytest.mark.parametrize(
    ("expires_in", "minutes", "due"),
    [
        (110 * MINUTE, 110, [DeadlineKind.TOKEN_EXPIRED]),  # who is closed is told nothing else
        (110 * MINUTE, 131, [DeadlineKind.END]),
        (111 * MINUTE, 110, [DeadlineKind.TOKEN_EXPIRING, DeadlineKind.MAX_AGE]),
    ],
)
def test_several_deadlines_can_be_due_at_once(expires_in: int, minutes: int, due: list[DeadlineKind]) -> None:
    assert LIFE.due(known(expires_in, resumes=True), OPENED + minutes * MINUTE) == due


@given(expires_in=st.integers(1, 10_000), resumes=st.booleans(), notified=KINDS, now=st.integers(0, 10_000))
def test_something_is_due_at_the_next_deadline_and_not_before(
    expires_in: int, notified: frozenset[DeadlineKind], now: int, *, resumes: bool
) -> None:
    connection = replace(known(expires_in, resumes=resumes), notified=notified)
    following = LIFE.next(connection, OPENED + now)

    assert following.at >= OPENED + now
    assert LIFE.due(connection, following.at)
    if following.at > OPENED + now:
        assert LIFE.due(connection, following.at - 1) == []

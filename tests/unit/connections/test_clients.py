from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chalicelib.connections.clients import Connections, TooManyFailedAuths
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.errors import (
    ConnectionUnknown,
    Contended,
    NotAuthenticated,
    SessionNotFound,
    SubjectMismatch,
    TokenExpired,
    TokenInvalid,
)
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from chalicelib.nights.streams import Streams
from tests.fakes.crowd import FAR_AWAY, start
from tests.fakes.identity import FakeVerifier, claims
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

SESSION = session_stream(1)


class Service:
    """A connection called abc= and a session 1, with the clock at ``now``."""

    def __init__(self, now: float = 1000.0, store: FakeConnectionStore | None = None) -> None:
        self.store = store or FakeConnectionStore(shards=1)
        self.sessions = FakeSessionStore()
        start(self.sessions)
        self.now = now
        self.connections = Connections(
            self.store,
            Streams(self.sessions, self.sessions),
            FakeVerifier(),
            lambda: datetime.fromtimestamp(self.now, UTC),
        )
        self.connections.connect(Connection("abc=", "api", "dev", 1000, "127.0.0.1"))

    def followers(self, stream: str) -> list[str]:
        return [*self.store.audiences.get(stream, {})]

    def row(self, stream: str) -> Recipient:
        return self.store.audiences[stream]["abc="]

    def opted_in(self) -> tuple[bool, bool]:
        """Return whether the connection gets cursors of all sessions' starts, and of session 1."""
        return self.row(SESSIONS_STREAM).wants_cursor, self.row(SESSION).wants_cursor


@pytest.mark.parametrize(("token", "error"), [("junk", TokenInvalid), ("expired", TokenExpired)])
def test_a_bad_token_changes_nothing(token: str, error: type[Exception]) -> None:
    service = Service()

    with pytest.raises(error):
        service.connections.authenticate("abc=", token)

    assert service.followers(SESSIONS_STREAM) == []


def test_the_third_bad_token_is_the_last() -> None:
    service = Service()
    for _ in range(2):
        with pytest.raises(TokenInvalid):
            service.connections.authenticate("abc=", "junk")

    with pytest.raises(TooManyFailedAuths) as last:
        service.connections.authenticate("abc=", "expired")

    assert last.value.failure.code == "token_expired"


def test_a_token_is_renewed_by_its_own_subject_only() -> None:
    service = Service()
    service.connections.authenticate("abc=", "kosmi:bot")

    with pytest.raises(SubjectMismatch):
        service.connections.authenticate("abc=", "discord:bot")
    renewed = service.connections.authenticate("abc=", "kosmi:bot")

    assert renewed.claims.subject == "kosmi"


class Meanwhile(FakeConnectionStore):
    """A store in which something happens after each of the first reads of a connection."""

    def __init__(self, happens: Callable[["Meanwhile"], None], times: int = 1) -> None:
        super().__init__(shards=1)
        self.happens, self.times = happens, times

    def get(self, connection_id: str) -> Connection | None:
        found = super().get(connection_id)
        if found and found.authenticated and self.times:
            self.times -= 1
            self.happens(self)
        return found


def renew(store: FakeConnectionStore) -> None:
    connection = FakeConnectionStore.get(store, "abc=")
    assert connection is not None
    assert connection.token_expires_at is not None
    renewed = claims("kosmi", expires_at=connection.token_expires_at + 1)
    store.authenticate(connection, renewed, deadline=FAR_AWAY)


def test_a_client_follows_what_it_asks_for_until_it_leaves() -> None:
    service = Service()
    followed = [service.followers(SESSIONS_STREAM)]

    who = service.connections.authenticate("abc=", "kosmi:bot")
    followed.append(service.followers(SESSIONS_STREAM))
    service.connections.subscribe("abc=", 1)
    followed.append(service.followers(SESSION))
    service.connections.unsubscribe("abc=", 1)
    followed.append(service.followers(SESSION))

    assert (who.claims.subject, who.claims.role) == ("kosmi", "bot")
    assert followed == [[], ["abc="], ["abc="], []]


def expire(service: Service) -> None:
    connection = service.store.get("abc=") or pytest.fail("gone")
    service.store.authenticate(connection, claims("kosmi", expires_at=1000), deadline=FAR_AWAY)


@pytest.mark.parametrize(
    ("before", "session_id", "error"),
    [
        (lambda _: None, 1, NotAuthenticated),
        (expire, 1, TokenExpired),
        (lambda service: service.connections.authenticate("abc=", "kosmi:bot"), 99, SessionNotFound),
        (lambda service: service.connections.disconnect("abc="), 1, ConnectionUnknown),
    ],
)
def test_who_may_not_follow_a_session_is_told_why(
    before: Callable[[Service], None], session_id: int, error: type[Exception]
) -> None:
    service = Service()
    before(service)

    with pytest.raises(error):
        service.connections.subscribe("abc=", session_id)

    assert service.followers(session_stream(session_id)) == []


@pytest.mark.parametrize(
    ("happens", "times", "error"),
    [(renew, 1, None), (renew, 100, Contended), (lambda store: store.remove("abc="), 1, ConnectionUnknown)],
)
@pytest.mark.parametrize("asks", ["authenticate", "subscribe"])
def test_what_changes_meanwhile_is_looked_at_again(
    happens: Callable[["Meanwhile"], None], times: int, error: type[Exception] | None, asks: str
) -> None:
    service = Service(store=Meanwhile(happens, times))
    service.connections.authenticate("abc=", "kosmi:bot")

    def ask() -> None:
        if asks == "subscribe":
            service.connections.subscribe("abc=", 1)
        else:
            service.connections.authenticate("abc=", "kosmi:bot")

    if error is None:
        ask()
    else:
        with pytest.raises(error):
            ask()

    gone = error is ConnectionUnknown
    assert service.followers(SESSIONS_STREAM) == ([] if gone else ["abc="])
    assert service.followers(SESSION) == (["abc="] if asks == "subscribe" and error is None else [])

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
    TooManySubscriptions,
)
from chalicelib.limits import MAX_SUBSCRIPTIONS
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


def test_whoever_has_only_connected_hears_nothing() -> None:
    assert Service().followers(SESSIONS_STREAM) == []


def test_a_good_token_lets_a_connection_hear_every_start() -> None:
    service = Service()

    who = service.connections.authenticate("abc=", "kosmi:bot")

    assert (who.claims.subject, who.claims.role) == ("kosmi", "bot")
    assert service.followers(SESSIONS_STREAM) == ["abc="]


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


def test_a_subscriber_follows_its_session_until_it_leaves() -> None:
    service = Service()
    service.connections.authenticate("abc=", "kosmi:bot")

    service.connections.subscribe("abc=", 1)
    during = service.followers(SESSION)
    service.connections.unsubscribe("abc=", 1)

    assert (during, service.followers(SESSION)) == (["abc="], [])


def test_nobody_follows_more_sessions_than_one_connection_may() -> None:
    service = Service()
    service.connections.authenticate("abc=", "kosmi:bot")
    for _ in range(MAX_SUBSCRIPTIONS):
        start(service.sessions)
    for session_id in range(1, MAX_SUBSCRIPTIONS + 1):
        service.connections.subscribe("abc=", session_id)

    with pytest.raises(TooManySubscriptions, match="50 sessions"):
        service.connections.subscribe("abc=", MAX_SUBSCRIPTIONS + 1)
    service.connections.unsubscribe("abc=", 1)
    service.connections.subscribe("abc=", MAX_SUBSCRIPTIONS + 1)

    assert service.followers(session_stream(MAX_SUBSCRIPTIONS + 1)) == ["abc="]


def test_nothing_but_authenticating_is_possible_before_it() -> None:
    service = Service()

    with pytest.raises(NotAuthenticated):
        service.connections.subscribe("abc=", 1)
    with pytest.raises(NotAuthenticated):
        service.connections.unsubscribe("abc=", 1)


def test_an_unknown_session_cannot_be_subscribed_to() -> None:
    service = Service()
    service.connections.authenticate("abc=", "kosmi:bot")

    with pytest.raises(SessionNotFound, match="99"):
        service.connections.subscribe("abc=", 99)


def test_an_expired_token_may_not_subscribe() -> None:
    service = Service()
    connection = service.store.get("abc=") or pytest.fail("gone")
    service.store.authenticate(connection, claims(expires_at=1000), deadline=FAR_AWAY)

    with pytest.raises(TokenExpired):
        service.connections.subscribe("abc=", 1)


def test_whoever_has_left_is_not_known_any_more() -> None:
    service = Service()
    service.connections.authenticate("abc=", "kosmi:bot")
    service.connections.disconnect("abc=")

    with pytest.raises(ConnectionUnknown):
        service.connections.authenticate("abc=", "kosmi:bot")
    with pytest.raises(ConnectionUnknown):
        service.connections.subscribe("abc=", 1)

    assert service.followers(SESSIONS_STREAM) == []


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


def test_a_token_renewed_meanwhile_does_not_disturb_a_subscription() -> None:
    service = Service(store=Meanwhile(renew))
    service.connections.authenticate("abc=", "kosmi:bot")

    service.connections.subscribe("abc=", 1)

    assert service.followers(SESSION) == ["abc="]


def test_two_tokens_at_once_are_both_accepted() -> None:
    service = Service(store=Meanwhile(renew))
    service.connections.authenticate("abc=", "kosmi:bot")

    service.connections.authenticate("abc=", "kosmi:bot")

    assert service.followers(SESSIONS_STREAM) == ["abc="]


def test_whoever_leaves_while_subscribing_is_not_known_any_more() -> None:
    service = Service(store=Meanwhile(lambda store: store.remove("abc=")))
    service.connections.authenticate("abc=", "kosmi:bot")

    with pytest.raises(ConnectionUnknown):
        service.connections.subscribe("abc=", 1)

    assert service.followers(SESSION) == []


def test_a_connection_that_keeps_changing_is_asked_to_retry() -> None:
    service = Service(store=Meanwhile(renew, times=100))
    service.connections.authenticate("abc=", "kosmi:bot")

    with pytest.raises(Contended):
        service.connections.subscribe("abc=", 1)

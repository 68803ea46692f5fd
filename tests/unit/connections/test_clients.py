from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chalicelib.connections.clients import Connections, TooManyFailedAuths
from chalicelib.connections.connection import ALL_AUDIENCE, Connection, session_audience
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
from chalicelib.nights.cursors import BEGINNING, Cursor
from chalicelib.nights.queries import Streams
from chalicelib.nights.sessions import StreamHead, start_session
from tests.fakes.identity import FakeVerifier, claims
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore


class House:
    """A connection called abc= and a session 1, with the clock at ``now``."""

    def __init__(self, now: float = 1000.0, store: FakeConnectionStore | None = None) -> None:
        self.store = store or FakeConnectionStore(shards=1)
        self.sessions = FakeSessionStore()
        self.start()
        self.now = now
        self.connections = Connections(
            self.store,
            Streams(self.sessions, self.sessions),
            FakeVerifier(),
            lambda: datetime.fromtimestamp(self.now, UTC),
        )
        self.connections.connect(Connection("abc=", "api", "dev", 1000, "127.0.0.1"))

    def start(self) -> None:
        head = self.sessions.head()
        self.sessions.start(head, *start_session(head, epoch="e", notes=None, now="t"))

    def opted_in(self, audience: str) -> list[bool]:
        return [one.wants_cursor for one in self.store.audience(audience, 0).recipients]

    def audience(self, audience: str) -> list[str]:
        return [one.connection_id for one in self.store.audience(audience, 0).recipients]


def test_whoever_has_only_connected_hears_nothing() -> None:
    house = House()

    assert house.audience(ALL_AUDIENCE) == []


def test_a_good_token_lets_a_connection_hear_what_is_for_everyone() -> None:
    house = House()

    who = house.connections.authenticate("abc=", "kosmi:bot")

    assert (who.claims.subject, who.claims.role) == ("kosmi", "bot")
    assert house.audience(ALL_AUDIENCE) == ["abc="]


@pytest.mark.parametrize(("token", "error"), [("junk", TokenInvalid), ("expired", TokenExpired)])
def test_a_bad_token_changes_nothing(token: str, error: type[Exception]) -> None:
    house = House()

    with pytest.raises(error):
        house.connections.authenticate("abc=", token)

    assert house.audience(ALL_AUDIENCE) == []


def test_the_third_bad_token_is_the_last() -> None:
    house = House()
    for _ in range(2):
        with pytest.raises(TokenInvalid):
            house.connections.authenticate("abc=", "junk")

    with pytest.raises(TooManyFailedAuths) as last:
        house.connections.authenticate("abc=", "expired")

    assert last.value.failure.code == "token_expired"


def test_a_token_is_renewed_by_its_own_subject_only() -> None:
    house = House()
    house.connections.authenticate("abc=", "kosmi:bot")

    with pytest.raises(SubjectMismatch):
        house.connections.authenticate("abc=", "discord:bot")
    renewed = house.connections.authenticate("abc=", "kosmi:bot")

    assert renewed.claims.subject == "kosmi"


def test_a_subscriber_is_in_the_audience_of_its_session_until_it_leaves() -> None:
    house = House()
    house.connections.authenticate("abc=", "kosmi:bot")

    house.connections.subscribe("abc=", 1)
    during = house.audience(session_audience(1))
    house.connections.unsubscribe("abc=", 1)

    assert during == ["abc="]
    assert house.audience(session_audience(1)) == []


def test_nobody_follows_more_sessions_than_one_connection_may() -> None:
    house = House()
    house.connections.authenticate("abc=", "kosmi:bot")
    for _ in range(MAX_SUBSCRIPTIONS):
        house.start()
    for session_id in range(1, MAX_SUBSCRIPTIONS + 1):
        house.connections.subscribe("abc=", session_id)

    with pytest.raises(TooManySubscriptions, match="50 sessions"):
        house.connections.subscribe("abc=", MAX_SUBSCRIPTIONS + 1)
    house.connections.unsubscribe("abc=", 1)
    house.connections.subscribe("abc=", MAX_SUBSCRIPTIONS + 1)

    assert house.audience(session_audience(MAX_SUBSCRIPTIONS + 1)) == ["abc="]


def test_nothing_but_authenticating_is_possible_before_it() -> None:
    house = House()

    with pytest.raises(NotAuthenticated):
        house.connections.subscribe("abc=", 1)
    with pytest.raises(NotAuthenticated):
        house.connections.unsubscribe("abc=", 1)


def test_an_unknown_session_cannot_be_subscribed_to() -> None:
    house = House()
    house.connections.authenticate("abc=", "kosmi:bot")

    with pytest.raises(SessionNotFound, match="99"):
        house.connections.subscribe("abc=", 99)


def test_an_expired_token_may_not_subscribe() -> None:
    house = House()
    house.store.authenticate(
        house.store.get("abc=") or pytest.fail("gone"), claims(expires_at=1000), wants_cursor=False
    )
    house.now = 1000.0

    with pytest.raises(TokenExpired):
        house.connections.subscribe("abc=", 1)


def test_whoever_has_left_is_not_known_any_more() -> None:
    house = House()
    house.connections.authenticate("abc=", "kosmi:bot")
    house.connections.disconnect("abc=")

    with pytest.raises(ConnectionUnknown):
        house.connections.authenticate("abc=", "kosmi:bot")
    with pytest.raises(ConnectionUnknown):
        house.connections.subscribe("abc=", 1)
    assert house.audience(ALL_AUDIENCE) == []


def test_whoever_comes_back_with_a_cursor_is_told_what_it_missed() -> None:
    house = House()
    house.start()
    house.start()

    who = house.connections.authenticate("abc=", "kosmi:bot", Cursor("fake", 1))

    assert who.missed is not None
    assert (who.missed.recovered, str(who.missed.cursor)) == (True, "fake:3")
    assert [event.session_id for event in who.missed.entries] == [2, 3]


def test_a_subscriber_that_comes_back_is_told_what_it_missed_of_its_session() -> None:
    house = House()
    house.connections.authenticate("abc=", "kosmi:bot")

    missed = house.connections.subscribe("abc=", 1, BEGINNING)

    assert missed is not None
    assert (missed.recovered, str(missed.cursor)) == (True, "e:1")
    assert [event.type for event in missed.entries] == ["session.started"]


def test_whoever_does_not_ask_is_told_nothing_and_has_not_opted_in() -> None:
    house = House()

    who = house.connections.authenticate("abc=", "kosmi:bot")
    missed = house.connections.subscribe("abc=", 1)

    assert who.missed is None
    assert missed is None
    assert house.opted_in(ALL_AUDIENCE) == house.opted_in(session_audience(1)) == [False]


def test_opting_in_is_for_one_stream() -> None:
    house = House()
    house.connections.authenticate("abc=", "kosmi:bot", BEGINNING)

    house.connections.subscribe("abc=", 1)
    alone = (house.opted_in(ALL_AUDIENCE), house.opted_in(session_audience(1)))
    house.connections.subscribe("abc=", 1, BEGINNING)

    assert alone == ([True], [False])
    assert house.opted_in(session_audience(1)) == [True]


def test_whoever_has_opted_in_stays_so_until_it_leaves() -> None:
    house = House()
    house.connections.authenticate("abc=", "kosmi:bot", BEGINNING)
    house.connections.subscribe("abc=", 1, BEGINNING)

    house.connections.authenticate("abc=", "kosmi:bot")
    house.connections.subscribe("abc=", 1)
    stays = (house.opted_in(ALL_AUDIENCE), house.opted_in(session_audience(1)))
    house.connections.unsubscribe("abc=", 1)
    house.connections.subscribe("abc=", 1)

    assert stays == ([True], [True])
    assert house.opted_in(session_audience(1)) == [False]


def test_the_log_is_read_once_the_client_can_hear() -> None:
    house = House()
    joined: list[list[str]] = []

    class Watched(FakeSessionStore):
        def head(self) -> StreamHead:
            joined.append(house.audience(ALL_AUDIENCE))
            return super().head()

    watched = Watched()
    house.connections._streams = Streams(watched, watched)

    house.connections.authenticate("abc=", "kosmi:bot", BEGINNING)

    assert joined == [["abc="]]


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
    store.authenticate(connection, renewed, wants_cursor=False)


def test_a_subscription_is_not_disturbed_by_a_token_that_is_renewed_meanwhile() -> None:
    house = House(store=Meanwhile(renew))
    house.connections.authenticate("abc=", "kosmi:bot")

    house.connections.subscribe("abc=", 1)

    assert house.audience(session_audience(1)) == ["abc="]


def test_two_tokens_at_once_are_both_accepted() -> None:
    house = House(store=Meanwhile(renew))
    house.connections.authenticate("abc=", "kosmi:bot")

    house.connections.authenticate("abc=", "kosmi:bot")

    assert house.audience(ALL_AUDIENCE) == ["abc="]


def test_whoever_leaves_while_subscribing_is_not_known_any_more() -> None:
    house = House(store=Meanwhile(lambda store: store.remove("abc=")))
    house.connections.authenticate("abc=", "kosmi:bot")

    with pytest.raises(ConnectionUnknown):
        house.connections.subscribe("abc=", 1)

    assert house.audience(session_audience(1)) == []


def test_a_connection_that_never_stays_the_same_is_asked_to_send_again() -> None:
    house = House(store=Meanwhile(renew, times=100))
    house.connections.authenticate("abc=", "kosmi:bot")

    with pytest.raises(Contended):
        house.connections.subscribe("abc=", 1)

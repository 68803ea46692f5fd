"""Events, and connections that wait for them."""

from collections.abc import Sequence

from chalicelib.connections.connection import Connection, session_audience
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType, LoggedEvent
from chalicelib.nights.sessions import StreamHead, start_session
from tests.fakes.identity import claims
from tests.fakes.stores import FakeConnectionStore


def started(session_id: int) -> Event:
    return start_session(StreamHead("e0", session_id - 1), epoch=f"e{session_id}", notes=None, now="t")[1]


def later(session_id: int, sequence: int) -> Event:
    return Event(session_id, EventType.GAME_ADDED, f'{{"n":{sequence}}}', Cursor(f"e{session_id}", sequence))


def logged(*events: Event) -> list[LoggedEvent]:
    return [LoggedEvent(str(100 + position), event) for position, event in enumerate(events)]


class FakeLog:
    """``nights.ports.EventLog`` of sessions 1 to 99, each with events up to its 99th."""

    def events(self, session_id: int, after: int, limit: int) -> Sequence[Event]:
        return [later(session_id, sequence) for sequence in range(after + 1, 100)][:limit]

    def starts(self, after: int, limit: int) -> Sequence[Event]:
        return [started(number) for number in range(after + 1, 100)][:limit]


def crowd(
    store: FakeConnectionStore, count: int, *, session_id: int | None = None, wants_cursor: bool = False
) -> list[str]:
    """Let so many authenticate, and subscribe to a session."""
    ids = [f"{number:04}=" for number in range(count)]
    for one in ids:
        connection = Connection(one, "api", "dev", 0, "127.0.0.1")
        store.add(connection)
        store.authenticate(connection, claims("bot"), wants_cursor=wants_cursor)
        if session_id is not None:
            subscribe(store, one, session_id, wants_cursor=wants_cursor)
    return ids


def subscribe(
    store: FakeConnectionStore, connection_id: str, session_id: int, *, wants_cursor: bool = False
) -> None:
    connection = store.get(connection_id)
    assert connection is not None
    store.join(connection, session_audience(session_id), wants_cursor=wants_cursor)

"""Sessions with events, and connections that wait for them."""

from msgspec.structs import replace

from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import Resume
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import SESSIONS_STREAM, Event, EventType, LoggedEvent, session_stream
from chalicelib.nights.ports import Commit
from chalicelib.nights.sessions import start_session
from tests.fakes.identity import claims
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

JOINED_AT = 1
"""The newest event of a session when its followers joined: its start."""

FAR_AWAY = Deadline(10**10, DeadlineKind.END)


def start(sessions: FakeSessionStore) -> Event:
    """Start the next session and return its start in the stream of all sessions."""
    head = sessions.head()
    session, *events = start_session(head, epoch=f"e{head.sequence + 1}", notes=None, now="t")
    sessions.start(head, session, events)
    return events[0]


def add(sessions: FakeSessionStore, session_id: int) -> Event:
    """Log the next event of a session and return it."""
    session = sessions.session(session_id)
    assert session is not None
    event = later(session_id, session.sequence + 1)
    sessions.commit(Commit(session, replace(session, sequence=event.sequence), [event]))
    return event


def started(session_id: int) -> Event:
    return Event(
        SESSIONS_STREAM, Cursor("fake", session_id), EventType.SESSION_STARTED, f'{{"s":{session_id}}}'
    )


def later(session_id: int, sequence: int) -> Event:
    cursor = Cursor(f"e{session_id}", sequence)
    return Event(session_stream(session_id), cursor, EventType.GAME_ADDED, f'{{"n":{sequence}}}')


def logged(*events: Event) -> list[LoggedEvent]:
    return [LoggedEvent(str(100 + position), event) for position, event in enumerate(events)]


def crowd(
    store: FakeConnectionStore, count: int, *, session_id: int | None = None, resume: Resume | None = None
) -> list[str]:
    """Let so many authenticate, and subscribe to a session."""
    ids = [f"{number:04}=" for number in range(count)]
    for one in ids:
        connection = Connection(one, "api", "dev", 0, "127.0.0.1")
        store.add(connection)
        store.authenticate(connection, claims("bot"), deadline=FAR_AWAY, resume=resume)
        if session_id is not None:
            subscribe(store, one, session_id, resume)
    return ids


def subscribe(
    store: FakeConnectionStore, connection_id: str, session_id: int, resume: Resume | None = None
) -> None:
    connection = store.get(connection_id)
    assert connection is not None
    store.join(connection, session_stream(session_id), resume, position=JOINED_AT)

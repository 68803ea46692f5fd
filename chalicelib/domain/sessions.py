"""The rules of a session, from its start.

Pure: given what is known, says what is to be. Leaves storing it to ``storage.sessions``.
"""

from dataclasses import dataclass

from chalicelib.domain.cursors import Cursor
from chalicelib.domain.events import Event, EventType, Json, envelope


@dataclass(frozen=True, slots=True)
class StreamHead:
    """The end of the stream of all sessions: its epoch and the id of the newest session (0: none yet)."""

    epoch: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Session:
    """A game night. Timestamps are text as on the wire; ``sequence`` is that of its newest event."""

    id: int
    epoch: str
    sequence: int
    created_at: str
    notes: str | None
    is_active: bool = True

    def as_data(self) -> Json:
        """Return the session as ``session.started`` and ``POST /api/sessions`` show it."""
        return {
            "id": self.id,
            "is_active": int(self.is_active),
            "created_at": self.created_at,
            "notes": self.notes,
        }


def start_session(head: StreamHead, *, epoch: str, notes: str | None, now: str) -> tuple[Session, Event]:
    """Return the session that follows the newest one, and the event that announces it.

    ``epoch`` is a fresh random text that names the new session's own stream.
    """
    session = Session(id=head.sequence + 1, epoch=epoch, sequence=1, created_at=now, notes=notes)
    event = Event(
        session_id=session.id,
        type=EventType.SESSION_STARTED,
        envelope=envelope(EventType.SESSION_STARTED, now, {"session": session.as_data()}),
        cursor=Cursor(epoch, 1),
        sessions_cursor=Cursor(head.epoch, session.id),
    )
    return session, event

"""Applies the rules of a session, from its start to its end. Pure: it reads and stores nothing."""

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.errors import GameNotFound, SessionClosed
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import SESSIONS_STREAM, Event, EventType, Json, envelope, session_stream

if TYPE_CHECKING:
    from chalicelib import answers


class StreamHead(msgspec.Struct, frozen=True):
    """The end of the stream of all sessions: its epoch and the id of the newest session (0: none yet)."""

    epoch: str
    sequence: int

    @property
    def cursor(self) -> Cursor:
        """The position after the newest start."""
        return Cursor(self.epoch, self.sequence)


class Session(msgspec.Struct, frozen=True):
    """A game night. Timestamps are text, as clients get them; ``sequence`` is that of its newest event.

    Games are numbered 1, 2, 3 ... as they are added, so ``games_added`` is the highest id. An id in
    ``removed_games`` is never used again. Until ``crowded_until`` (Unix milliseconds) votes are stored, to be
    counted in batches. A ``closing`` session takes no game or vote: its pending votes are counted, and it
    ends.
    """

    id: int
    epoch: str
    sequence: int
    created_at: str
    notes: str | None
    is_active: bool = True
    ended_at: str | None = None
    games_added: int = 0
    removed_games: tuple[int, ...] = ()
    crowded_until: int = 0
    closing: bool = False

    @property
    def cursor(self) -> Cursor:
        """The position after the session's newest event."""
        return Cursor(self.epoch, self.sequence)

    @property
    def games_played(self) -> int:
        """How many games the session has, without removed ones."""
        return self.games_added - len(self.removed_games)

    @property
    def newest_game(self) -> int | None:
        """The id of the newest game; None if the session has no game."""
        return next(filter(self.has_game, range(self.games_added, 0, -1)), None)

    def has_game(self, game_id: int) -> bool:
        """Whether the session has a game: one that was added and not removed."""
        return 1 <= game_id <= self.games_added and game_id not in self.removed_games

    def require_game(self, game_id: int) -> None:
        """Raise GameNotFound if the session has no such game."""
        if not self.has_game(game_id):
            raise GameNotFound(self.id, game_id)

    def as_data(self) -> "answers.StartedSession":
        """Return a session that has just started, as its event and ``POST /api/sessions`` show it."""
        return {"id": self.id, "is_active": 1, "created_at": self.created_at, "notes": self.notes}

    def as_state(self) -> "answers.Session":
        """Return the session as ``session.ended`` and every other answer show it."""
        return {
            "id": self.id,
            "is_active": 1 if self.is_active else 0,
            "created_at": self.created_at,
            "ended_at": self.ended_at,
            "notes": self.notes,
            "games_played": self.games_played,
        }

    @property
    def is_open(self) -> bool:
        """Whether the session takes games and votes."""
        return self.is_active and not self.closing

    def require_open(self) -> None:
        """Raise SessionClosed if the session takes no games and votes."""
        if not self.is_open:
            raise SessionClosed(self.id)

    def next_event(self, event_type: EventType, now: str, data: Json) -> Event:
        """Return the event that follows the session's newest one."""
        cursor = Cursor(self.epoch, self.sequence + 1)
        return Event(session_stream(self.id), cursor, event_type, envelope(event_type, now, data))


def start_session(
    head: StreamHead, *, epoch: str, notes: str | None, now: str
) -> tuple[Session, Event, Event]:
    """Return the session that follows the newest one, and its start.

    The start is an event of two streams: that of all sessions, which comes first, and the session's own.
    ``epoch`` is a fresh random string that identifies the session's own stream.
    """
    session = Session(id=head.sequence + 1, epoch=epoch, sequence=1, created_at=now, notes=notes)
    text = envelope(EventType.SESSION_STARTED, now, {"session": session.as_data()})
    return (
        session,
        Event(SESSIONS_STREAM, Cursor(head.epoch, session.id), EventType.SESSION_STARTED, text),
        Event(session_stream(session.id), session.cursor, EventType.SESSION_STARTED, text),
    )


def end_session(session: Session, *, now: str) -> tuple[Session, Event]:
    """Return the session as it has ended, and the event that says so. Raises SessionClosed."""
    if not session.is_active:
        raise SessionClosed(session.id)
    ended = replace(session, sequence=session.sequence + 1, is_active=False, ended_at=now)
    return ended, session.next_event(EventType.SESSION_ENDED, now, {"session": ended.as_state()})

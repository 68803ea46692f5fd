"""What anyone reads: the nights, the active one, one with its games, and what happened after a cursor.

Strongly consistent throughout: whoever was answered reads its own write.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.errors import NoActiveSession, SessionNotFound
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, Json
from chalicelib.nights.ports import EventLog, SessionStore
from chalicelib.nights.sessions import Session
from chalicelib.nights.streams import Page, Stream


@dataclass(frozen=True, slots=True)
class Streams:
    """The two kinds of stream, each as it ends now."""

    sessions: SessionStore
    log: EventLog
    sleep: Callable[[float], None] = time.sleep

    def of_starts(self) -> Stream[Event]:
        """Return the stream of all sessions' starts."""
        end = self.sessions.head().cursor

        def read(after: int, limit: int) -> Sequence[Event]:
            return [event.in_epoch_of_starts(end.epoch) for event in self.log.starts(after, limit)]

        return Stream(end, read, lambda event: event.session_id, self.sleep)

    def of_session(self, session_id: int) -> Stream[Event]:
        """Return the stream of one session's events. Raises SessionNotFound."""
        session = self.sessions.session(session_id)
        if session is None:
            raise SessionNotFound(session_id)
        end = session.cursor

        def read(after: int, limit: int) -> Sequence[Event]:
            return [event.in_epoch(end.epoch) for event in self.log.events(session_id, after, limit)]

        return Stream(end, read, lambda event: event.cursor.sequence, self.sleep)


class Reading:
    """Nights, as anyone with a token reads them. Every method raises Unavailable beside what it names."""

    def __init__(self, store: SessionStore, streams: Streams) -> None:
        self._store = store
        self._streams = streams

    def sessions(self, since: Cursor, limit: int) -> Page[Session]:
        """Return the sessions started after a cursor, oldest first, as they are now.

        Sessions never expire, so that only a cursor of another epoch, or from beyond the end, is lost.
        """
        stream = Stream(self._store.head().cursor, self._store.sessions, lambda session: session.id)
        return stream.page(since, limit)

    def active(self) -> Json:
        """Return the newest active session. Raises NoActiveSession."""
        session = self._store.newest_active()
        if session is None:
            raise NoActiveSession
        return session.as_state()

    def session(self, session_id: int) -> Json:
        """Return a session with its games and their tallies. Raises SessionNotFound."""
        session = self._store.session(session_id)
        if session is None:
            raise SessionNotFound(session_id)
        # A game added between the two reads is left out: its number would not match games_played.
        games = [game.as_state() for game in self._store.games(session_id) if game.id <= session.games_played]
        return {**session.as_state(), "games": games}

    def events(self, session_id: int, since: Cursor, limit: int) -> Page[Event]:
        """Return the events of a session after a cursor, oldest first. Raises SessionNotFound."""
        return self._streams.of_session(session_id).page(since, limit)

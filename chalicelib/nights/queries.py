"""Reads nights, the active night, a night with its games, and the events after a cursor.

Every read is strongly consistent, so a caller reads its own writes.
"""

from msgspec.structs import replace

from chalicelib.errors import NoActiveSession, SessionNotFound
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import SESSIONS_STREAM, Event, Json
from chalicelib.nights.ports import SessionStore
from chalicelib.nights.sessions import Session
from chalicelib.nights.streams import Page, Stream, Streams


class Queries:
    """The queries of anyone with a token. Every method raises Unavailable besides what it names."""

    def __init__(self, store: SessionStore, streams: Streams) -> None:
        self._store = store
        self._streams = streams

    def sessions(self, since: Cursor, limit: int) -> Page[Session]:
        """Return the sessions started after a cursor, oldest first, as they are now.

        Sessions never expire. So only a cursor of another epoch, or beyond the end, is not recovered.
        """
        end = self._store.head().cursor
        stream = Stream(SESSIONS_STREAM, end, self._store.sessions, lambda session: session.id)
        return stream.page(since, limit)

    def newest(self, count: int) -> Page[Session]:
        """Return the newest sessions, newest first, as they are now, and the stream's end."""
        end = self._store.head().cursor
        page = self.sessions(Cursor(end.epoch, max(0, end.sequence - count)), count)
        return replace(page, entries=page.entries[::-1])

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
        games = [game.as_state() for game in self._store.games(session_id) if session.has_game(game.id)]
        return {**session.as_state(), "games": games}

    def events(self, session_id: int, since: Cursor, limit: int) -> Page[Event]:
        """Return the events of a session after a cursor, oldest first. Raises SessionNotFound."""
        return self._streams.of_session(session_id).page(since, limit)

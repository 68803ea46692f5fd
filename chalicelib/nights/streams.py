"""Reads streams: the place from which a client continues, and the events after it.

Replay, polling and delivery all read through this module. If the answer to a client says
``recovered``, the client gets every event after its cursor.
"""

import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from chalicelib.errors import SessionNotFound
from chalicelib.limits import MAX_PAGE
from chalicelib.nights.cursors import NOW, Cursor
from chalicelib.nights.events import SESSIONS_STREAM, Event, session_stream
from chalicelib.nights.ports import EventLog, SessionStore

T = TypeVar("T")

READS = 4
PAUSE_SECONDS = 0.02
"""A transaction is not isolated from a plain read: for a moment the head may show an event that the log does
not. Such a gap is read again; if it is still there after all reads, events are lost."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a stream, oldest first, and the position after it."""

    entries: Sequence[T]
    cursor: Cursor
    recovered: bool
    more: bool


class Place(msgspec.Struct, frozen=True):
    """Where a client continues in a stream: with the first event after ``cursor``.

    ``last`` is the sequence of the newest event. ``recovered`` is false if events after the client's
    own cursor are gone.
    """

    stream: str
    cursor: Cursor
    last: int
    recovered: bool


class Stream(msgspec.Struct, Generic[T], frozen=True):
    """A stream that ended at ``end`` when it was read.

    ``read(after, limit)`` returns entries above ``after`` in order, ``sequence(entry)`` an entry's place.
    """

    name: str
    end: Cursor
    read: Callable[[int, int], Sequence[T]]
    sequence: Callable[[T], int]
    sleep: Callable[[float], None] = time.sleep

    def place(self, since: Cursor) -> Place:
        """Return the place that a client's ``since`` names. Raises Unavailable."""
        if since == NOW:
            return Place(self.name, self.end, self.end.sequence, recovered=True)
        recovered = self._entries(since, 1) is not None
        cursor = Cursor(self.end.epoch, since.sequence) if recovered else self.end
        return Place(self.name, cursor, self.end.sequence, recovered)

    def page(self, since: Cursor, limit: int) -> Page[T]:
        """Return up to ``limit`` entries after a cursor. Raises Unavailable."""
        entries = () if since == NOW else self._entries(since, limit)
        if not entries:
            return Page((), self.end, recovered=entries is not None, more=False)
        cursor = Cursor(self.end.epoch, since.sequence + len(entries))
        return Page(entries, cursor, recovered=True, more=cursor.sequence < self.end.sequence)

    def following(self, position: int, limit: int = MAX_PAGE) -> Sequence[T]:
        """Return the entries right after a position, up to the first gap; none if the first is missing."""
        limit = min(limit, self.end.sequence - position)
        for attempt in range(READS if limit > 0 else 0):
            if attempt:
                self.sleep(PAUSE_SECONDS)
            found = self.read(position, limit)
            dense = [entry for nth, entry in enumerate(found, position + 1) if self.sequence(entry) == nth]
            if dense:
                return dense
        return ()

    def _entries(self, since: Cursor, limit: int) -> Sequence[T] | None:
        """Return the entries that follow a cursor; None if they are gone."""
        if since.epoch not in ("", self.end.epoch) or since.sequence > self.end.sequence:
            return None
        if since.sequence == self.end.sequence:
            return ()
        return self.following(since.sequence, limit) or None


class Streams(msgspec.Struct, frozen=True):
    """The streams of events, each with its present end. Every method raises Unavailable."""

    sessions: SessionStore
    log: EventLog
    sleep: Callable[[float], None] = time.sleep

    def of_starts(self) -> Stream[Event]:
        """Return the stream of all sessions' starts."""
        return self._stream(SESSIONS_STREAM, self.sessions.head().cursor)

    def of_session(self, session_id: int) -> Stream[Event]:
        """Return the stream of one session's events. Raises SessionNotFound."""
        session = self.sessions.session(session_id)
        if session is None:
            raise SessionNotFound(session_id)
        return self._stream(session_stream(session_id), session.cursor)

    def named(self, stream: str) -> Stream[Event]:
        """Return a stream by its name. Raises SessionNotFound."""
        return (
            self.of_starts() if stream == SESSIONS_STREAM else self.of_session(int(stream.partition(":")[2]))
        )

    def _stream(self, name: str, end: Cursor) -> Stream[Event]:
        def read(after: int, limit: int) -> Sequence[Event]:
            return [event.in_epoch(end.epoch) for event in self.log.events(name, after, limit)]

        return Stream(name, end, read, lambda event: event.sequence, self.sleep)

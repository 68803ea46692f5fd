"""What came after a cursor: the one rule behind replay and polling, for every stream.

A stream never lies about a loss: whoever is told ``recovered`` has, or gets, every event after the cursor.
Leaves what the events are to ``nights.events`` and reading them to ``storage``.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chalicelib.errors import Unavailable
from chalicelib.limits import MAX_PAGE
from chalicelib.nights.cursors import Cursor

T = TypeVar("T")

READS = 4
PAUSE_SECONDS = 0.02
"""A transaction is not isolated from a plain read: for a moment the head may show an event that the log
does not. Such a hole is read again; one that stays after all reads is a loss."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a stream, oldest first, and the position after it."""

    entries: Sequence[T]
    cursor: Cursor
    recovered: bool
    more: bool


@dataclass(frozen=True, slots=True)
class Replay(Generic[T]):
    """What a client that comes back has missed. ``cursor`` is the position once all entries have come."""

    cursor: Cursor
    recovered: bool
    entries: Iterator[T] = field(default_factory=lambda: iter(()))


@dataclass(frozen=True, slots=True)
class Stream(Generic[T]):
    """A stream as it ended when ``end`` was read.

    ``read(after, limit)`` returns entries above ``after`` in order, and ``place`` an entry's sequence.
    """

    end: Cursor
    read: Callable[[int, int], Sequence[T]]
    place: Callable[[T], int]
    sleep: Callable[[float], None] = time.sleep

    def page(self, since: Cursor, limit: int) -> Page[T]:
        """Return up to ``limit`` entries after a cursor. Raises Unavailable."""
        entries = self._first(since, limit)
        if entries is None:
            return Page((), self.end, recovered=False, more=False)
        cursor = Cursor(self.end.epoch, since.sequence + len(entries))
        return Page(entries, cursor, recovered=True, more=cursor.sequence < self.end.sequence)

    def replay(self, since: Cursor) -> Replay[T]:
        """Return everything from a cursor to the end, read page by page as it is consumed.

        Raises Unavailable, also while it is consumed: then what came so far is in order and without a
        hole, and the rest has not come.
        """
        entries = self._first(since, MAX_PAGE)
        if entries is None:
            return Replay(self.end, recovered=False)
        return Replay(self.end, recovered=True, entries=self._rest(since.sequence, entries))

    def _first(self, since: Cursor, limit: int) -> Sequence[T] | None:
        """Return the entries that follow a cursor; None where they can't be had any more."""
        if since.epoch not in ("", self.end.epoch) or since.sequence > self.end.sequence:
            return None
        if since.sequence == self.end.sequence:
            return ()
        return self._following(since.sequence, limit) or None

    def _rest(self, position: int, page: Sequence[T]) -> Iterator[T]:
        yield from page
        position += len(page)
        while position < self.end.sequence:
            page = self._following(position, MAX_PAGE)
            if not page:
                raise Unavailable("The log has a hole now. Resume from the last cursor before it.")
            yield from page
            position += len(page)

    def _following(self, position: int, limit: int) -> Sequence[T]:
        """Return entries from the one right after a position, without a hole, none where it is gone."""
        limit = min(limit, self.end.sequence - position)
        for attempt in range(READS):
            if attempt:
                self.sleep(PAUSE_SECONDS)
            found = self.read(position, limit)
            unbroken = [entry for nth, entry in enumerate(found, position + 1) if self.place(entry) == nth]
            if unbroken:
                return unbroken
        return ()

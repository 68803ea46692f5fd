"""Events: what is logged, delivered live, replayed and polled, always as the very same bytes.

Leaves what leads to an event to ``sessions`` and who hears it to ``delivery.broadcast``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from chalicelib.nights.cursors import Cursor

Json = Mapping[str, Any]


class EventType(StrEnum):
    """The events of a game night's life."""

    SESSION_STARTED = "session.started"
    GAME_ADDED = "game.added"
    VOTE_RECEIVED = "vote.received"
    SESSION_ENDED = "session.ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a session's log.

    ``envelope`` is the JSON text exactly as clients get it: it is stored and never rendered again, since
    a DynamoDB map would forget the order of the keys. ``cursor`` is the event's place in its session's
    stream. ``sessions_cursor`` is its place in the stream of all sessions, which only ``session.started``
    has.
    """

    session_id: int
    type: EventType
    envelope: str
    cursor: Cursor
    sessions_cursor: Cursor | None = None

    @property
    def plain(self) -> bytes:
        """The frame for clients that have not opted in to resume."""
        return self.envelope.encode()

    def with_cursor(self, cursor: Cursor) -> bytes:
        """Return the frame for clients that have: the same envelope and a top-level ``cursor``."""
        return f'{self.envelope[:-1]},"cursor":{json.dumps(str(cursor))}}}'.encode()

    def in_epoch(self, epoch: str) -> Self:
        """Return the event at its place in its session's stream as the stream's epoch is now.

        The log keeps the epoch of its own time; after a restore the stream has another one.
        """
        return replace(self, cursor=replace(self.cursor, epoch=epoch))

    def in_epoch_of_starts(self, epoch: str) -> Self:
        """Return a start at its place in the stream of all sessions, likewise."""
        return replace(self, sessions_cursor=Cursor(epoch, self.session_id))


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as the log's stream reports it; ``sequence_number`` is the stream's name for the record."""

    sequence_number: str
    event: Event


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record of the log's stream that says it is an event and can't be read: where it is, in both.

    The log's item is the same as the record's image, so that its keys are what it takes to read it later.
    ``arrived`` is in Unix seconds.
    """

    stream_arn: str
    sequence_number: str
    partition_key: str
    sort_key: str
    arrived: float


def logged_together(
    session_id: int, event_type: EventType, envelopes: str, last: Cursor, sessions_cursor: Cursor | None
) -> list[Event]:
    """Return the events that one commit logged: one envelope a line, which JSON text never breaks."""
    lines = envelopes.split("\n")
    first = last.sequence - len(lines) + 1
    return [
        Event(session_id, event_type, line, Cursor(last.epoch, sequence), sessions_cursor)
        for sequence, line in enumerate(lines, first)
    ]


def envelope(event_type: EventType, timestamp: str, data: Json) -> str:
    """Render an event as the contract shows it. Keys keep the order in which they are given."""
    return json.dumps(
        {"type": event_type, "timestamp": timestamp, "data": data},
        ensure_ascii=False,
        separators=(",", ":"),
    )

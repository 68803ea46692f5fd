"""Defines events. An event is logged, delivered live, replayed and polled as the same bytes."""

import json
import logging
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from chalicelib.nights.cursors import Cursor

Json = Mapping[str, Any]

logger = logging.getLogger(__name__)

SESSIONS_STREAM = "sessions"
"""The stream of all sessions' starts. A start's sequence in it is the session's id."""


def session_stream(session_id: int) -> str:
    """Return the name of the stream of a session's events; the first is its start."""
    return f"session:{session_id}"


class EventType(StrEnum):
    """The events of a game night's life."""

    SESSION_STARTED = "session.started"
    GAME_ADDED = "game.added"
    GAME_REMOVED = "game.removed"
    VOTE_RECEIVED = "vote.received"
    VOTE_WITHDRAWN = "vote.withdrawn"
    SESSION_ENDED = "session.ended"


class Event(msgspec.Struct, frozen=True):
    """One entry of a stream's log.

    ``envelope`` is the JSON text exactly as clients get it. It is stored as text, because a DynamoDB map
    would lose the order of the keys. The start of a session is an entry of two streams.
    """

    stream: str
    cursor: Cursor
    type: EventType
    envelope: str

    @property
    def sequence(self) -> int:
        """The event's place in its stream: 1, 2, 3 ..."""
        return self.cursor.sequence

    @property
    def session_id(self) -> int:
        """The session that the event is about."""
        return self.sequence if self.stream == SESSIONS_STREAM else int(self.stream.partition(":")[2])

    @property
    def plain(self) -> bytes:
        """The frame for clients that have not opted in to resume: the envelope alone."""
        return self.envelope.encode()

    @property
    def with_place(self) -> str:
        """The frame for clients that have opted in: with ``stream``, ``sequence`` and ``cursor``."""
        place = {"stream": self.stream, "sequence": self.sequence, "cursor": str(self.cursor)}
        return f"{self.envelope[:-1]},{json.dumps(place, separators=(',', ':'))[1:]}"

    def in_epoch(self, epoch: str) -> Self:
        """Return the event at its place in the stream's present epoch.

        The log keeps the epoch in which the event was written; a restore gives the stream a new one.
        """
        return replace(self, cursor=replace(self.cursor, epoch=epoch))


class LoggedEvent(msgspec.Struct, frozen=True):
    """An event as the table's stream reports it; ``sequence_number`` identifies the record."""

    sequence_number: str
    event: Event


class UnreadableRecord(msgspec.Struct, frozen=True):
    """The place of an event that can't be read, in the table's stream and in the log.

    The log's item is the same as the record's image, so its keys are enough to read it later.
    ``arrived`` is in Unix seconds.
    """

    stream_arn: str
    sequence_number: str
    partition_key: str
    sort_key: str
    arrived: float


def committed_together(stream: str, event_type: EventType, envelopes: str, last: Cursor) -> list[Event]:
    """Return the events of one commit. ``envelopes`` has one a line, since JSON text has no line breaks."""
    lines = envelopes.split("\n")
    first = last.sequence - len(lines) + 1
    return [
        Event(stream, Cursor(last.epoch, sequence), event_type, line)
        for sequence, line in enumerate(lines, first)
    ]


def envelope(event_type: EventType, timestamp: str, data: Json) -> str:
    """Render an event as JSON text. Keys keep the order in which they are given."""
    return json.dumps(
        {"type": event_type, "timestamp": timestamp, "data": data}, ensure_ascii=False, separators=(",", ":")
    )


def appended(events: Iterable[Event]) -> None:
    """Log that events are committed. A function that is killed right after its commit logs nothing."""
    for event in events:
        logger.info("an event was appended to the log", extra={**event_fields(event), "stage": "appended"})


def event_fields(event: Event) -> dict[str, Any]:
    """Return the fields that name an event. ``event`` is the same for both entries of a start."""
    committed = envelope_timestamp(event)
    in_session = 1 if event.stream == SESSIONS_STREAM else event.sequence
    return {
        "event": f"{event.session_id}/{in_session}",
        "event_type": event.type,
        "session_id": event.session_id,
        "stream": event.stream,
        "sequence": event.sequence,
        "cursor": str(event.cursor),
        **({"event_timestamp": committed} if committed else {}),
    }


def envelope_timestamp(event: Event) -> str | None:
    """Return the timestamp in an event's envelope, as text."""
    found: str | None = json.loads(event.envelope).get("timestamp")
    return found

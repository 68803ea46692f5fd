"""Decodes records of the sessions table's stream: events that were logged, and votes that are pending."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.dynamodb.keys import PENDING, sequence_of, stream_of
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import (
    SESSIONS_STREAM,
    Event,
    EventType,
    LoggedEvent,
    UnreadableRecord,
    committed_together,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """What records say, in their order. ``pending`` has sequence numbers by the session to count votes in."""

    events: list[LoggedEvent] = field(default_factory=list)
    pending: dict[int, list[str]] = field(default_factory=dict)
    unreadable: list[UnreadableRecord] = field(default_factory=list)


def read_records(records: Iterable[dict[str, Any]]) -> ReadRecords:
    """Return the events that the records say were appended to a log, and the sessions with pending votes.

    Anything else that happens in the table is passed over. A record that claims to be an event and can't
    be read is logged as an error and counted: trying it again would not make it readable, and must not hold
    up those behind it.
    """
    read = ReadRecords()
    for record in records:
        change = record["dynamodb"]
        keys = change["Keys"]
        sequence_number = change["SequenceNumber"]
        if record["eventName"] != "INSERT":
            continue
        if keys["PK"]["S"].startswith(PENDING):
            session_id = int(keys["PK"]["S"].removeprefix(PENDING))
            read.pending.setdefault(session_id, []).append(sequence_number)
            continue
        if not keys["SK"]["S"].startswith("event#"):
            continue
        try:
            events = events_of(change.get("NewImage", {}))
        except ValueError:
            logger.exception(
                "a stream record can't be read as an event",
                extra={
                    "sequence_number": sequence_number,
                    "keys": keys,
                    "unreadable": 1,
                    "metrics": ["unreadable"],
                },
            )
            arrived = float(change["ApproximateCreationDateTime"])
            key = keys["PK"]["S"], keys["SK"]["S"]
            read.unreadable.append(UnreadableRecord(record["eventSourceARN"], sequence_number, *key, arrived))
            continue
        # A start is delivered as an entry of the stream of all sessions. Who follows the session's own stream
        # began to do so after the start was logged, and has it from the log.
        read.events.extend(
            LoggedEvent(sequence_number, event)
            for event in events
            if event.stream == SESSIONS_STREAM or event.type is not EventType.SESSION_STARTED
        )
    return read


def events_of(image: Mapping[str, Any]) -> list[Event]:
    """Return the events that an item of a log holds, as DynamoDB renders it. Raises ValueError."""
    try:
        last = Cursor(image["epoch"]["S"], sequence_of(image["SK"]["S"]))
        stream = stream_of(image["PK"]["S"])
        return committed_together(stream, EventType(image["type"]["S"]), image["envelope"]["S"], last)
    except KeyError as exc:
        raise ValueError(f"no event: it has no {exc}") from exc

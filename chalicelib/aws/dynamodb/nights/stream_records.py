"""Decodes records of the sessions table's stream: logged events and pending votes."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

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


class ReadRecords(msgspec.Struct, frozen=True):
    """The contents of records, in order. ``pending`` has the records' sequence numbers by session."""

    events: list[LoggedEvent] = []
    pending: dict[int, list[str]] = {}
    unreadable: list[UnreadableRecord] = []


def read_records(records: Iterable[dict[str, Any]]) -> ReadRecords:
    """Return the events that were appended to a log, and the sessions with pending votes.

    Other changes of the table are skipped. An unreadable event is logged as an error and counted. A retry
    would not make it readable, and it must not block the records after it.
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
        # A start is delivered as an entry of the stream of all sessions. A follower of the session's own
        # stream subscribed after the start was logged, and reads it from the log.
        read.events.extend(
            LoggedEvent(sequence_number, event)
            for event in events
            if event.stream == SESSIONS_STREAM or event.type is not EventType.SESSION_STARTED
        )
    return read


def events_of(image: Mapping[str, Any]) -> list[Event]:
    """Return the events of a log item in DynamoDB's JSON. Raises ValueError."""
    try:
        last = Cursor(image["epoch"]["S"], sequence_of(image["SK"]["S"]))
        stream = stream_of(image["PK"]["S"])
        return committed_together(stream, EventType(image["type"]["S"]), image["envelope"]["S"], last)
    except KeyError as exc:
        raise ValueError(f"no event: it has no {exc}") from exc

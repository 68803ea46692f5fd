"""Records of the sessions table's stream, as Lambda hands them over, decoded to events.

Leaves what becomes of those that can't be read to ``set_aside``.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType, LoggedEvent, UnreadableRecord, logged_together

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """What records say, in their order."""

    events: list[LoggedEvent] = field(default_factory=list)
    unreadable: list[UnreadableRecord] = field(default_factory=list)


def read_records(records: Iterable[dict[str, Any]]) -> ReadRecords:
    """Return the events that the records say were appended to a log.

    Anything else that happens in the table is passed over. A record that claims to be an event and can't
    be read is logged as an error and counted: trying it again would not make it readable, and must not hold
    up those behind it.
    """
    read = ReadRecords()
    for record in records:
        change = record["dynamodb"]
        keys = change["Keys"]
        if record["eventName"] != "INSERT" or not keys["SK"]["S"].startswith("event#"):
            continue
        sequence_number = change["SequenceNumber"]
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
        read.events.extend(LoggedEvent(sequence_number, event) for event in events)
    return read


def events_of(image: Mapping[str, Any]) -> list[Event]:
    """Return the events that an item of a log holds, as DynamoDB renders it. Raises ValueError."""
    try:
        session_id = int(image["PK"]["S"].removeprefix("session#"))
        sequence = int(image["SK"]["S"].removeprefix("event#"))
        sessions_epoch = image.get("sessions_epoch", {}).get("S")
        return logged_together(
            session_id,
            EventType(image["type"]["S"]),
            image["envelope"]["S"],
            Cursor(image["epoch"]["S"], sequence),
            Cursor(sessions_epoch, session_id) if sessions_epoch else None,
        )
    except KeyError as exc:
        raise ValueError(f"no event: it has no {exc}") from exc

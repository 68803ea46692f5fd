"""Records of the sessions table's stream, as Lambda hands them over, decoded to events."""

import logging
from collections.abc import Iterable
from typing import Any

from chalicelib.domain.cursors import Cursor
from chalicelib.domain.events import Event, EventType, LoggedEvent, logged_together

logger = logging.getLogger(__name__)


def logged_events(records: Iterable[dict[str, Any]]) -> list[LoggedEvent]:
    """Return the events that the records say were appended to a log, in order.

    Anything else that happens in the table is passed over. A record that claims to be an event and can't
    be read is logged as an error and passed over as well: trying it again would not make it readable,
    and must not hold up those behind it.
    """
    events: list[LoggedEvent] = []
    for record in records:
        change = record["dynamodb"]
        if record["eventName"] != "INSERT" or not change["Keys"]["SK"]["S"].startswith("event#"):
            continue
        try:
            logged = _events(change["NewImage"])
        except (KeyError, ValueError):
            logger.exception(
                "a stream record can't be read as an event",
                extra={"sequence_number": change["SequenceNumber"], "keys": change["Keys"]},
            )
            continue
        events.extend(LoggedEvent(change["SequenceNumber"], event) for event in logged)
    return events


def _events(image: dict[str, Any]) -> list[Event]:
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

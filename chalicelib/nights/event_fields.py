"""Names an event in log lines: the same fields at every stage of its way."""

import json
import logging
from collections.abc import Iterable
from typing import Any

from chalicelib.nights.events import Event

logger = logging.getLogger(__name__)


def appended(events: Iterable[Event]) -> None:
    """Say that events are committed. Whoever committed them and was killed just then has said nothing."""
    for event in events:
        logger.info("an event was appended to the log", extra={**event_fields(event), "hop": "appended"})


def event_fields(event: Event) -> dict[str, Any]:
    """Return the fields that name an event."""
    committed = envelope_timestamp(event)
    return {
        "event": f"{event.session_id}/{event.cursor.sequence}",
        "event_type": event.type,
        "session_id": event.session_id,
        "sequence": event.cursor.sequence,
        "cursor": str(event.cursor),
        **({"sessions_cursor": str(event.sessions_cursor)} if event.sessions_cursor else {}),
        **({"event_timestamp": committed} if committed else {}),
    }


def envelope_timestamp(event: Event) -> str | None:
    """Return the moment that an event's envelope says."""
    found: str | None = json.loads(event.envelope).get("timestamp")
    return found

"""What a program hears."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger("gamenight")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    ``type`` and ``data`` are the service's, as its documentation shows them: ``session.started``,
    ``game.added``, ``vote.received``, ``session.ended``, and whatever is added to them later. Two types are
    made here, so that a program can tell what it may have missed:

    - ``snapshot``: a night as it is now, with its games, in ``data["session"]``; instead of its past events.
      It comes for the active nights when a program starts without a place, and after each ``gap``.
    - ``gap``: events were missed and can't be had any more, of the night in ``data["session"]``, or where
      that is None, starts of nights. Without a snapshot after it, the night is followed no more.
    """

    type: str
    timestamp: str
    data: Mapping[str, Any]

    @property
    def session_id(self) -> int | None:
        """The night that it belongs to; None only for a ``gap`` among the starts of nights."""
        session = self.data.get("session")
        return session["id"] if isinstance(session, dict) else None


def read(frame: Any) -> Event | None:
    """Return the event of an envelope; None, and a word about it, where it is none that a program can use."""
    try:
        event = Event(frame["type"], frame["timestamp"], frame["data"])
        usable = isinstance(event.type, str) and type(event.session_id) is int
    except (KeyError, TypeError, AttributeError):
        usable = False
    if not usable:
        logger.error("passed over an event that is not as it should be: %.200r", frame)
        return None
    return event

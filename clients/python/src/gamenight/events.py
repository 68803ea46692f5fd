"""Defines the events that a program gets: the service's, ``Snapshot``, ``Gap`` and ``UnknownEvent``."""

import logging
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from gamenight.service_event import ServiceEvent
from gamenight.types import (
    EVENTS,
    GameAdded,
    GameRemoved,
    SessionEnded,
    SessionOfVote,
    SessionStarted,
    SessionWithGames,
    VoteReceived,
    VoteWithdrawn,
)

logger = logging.getLogger("gamenight")


class SnapshotData(TypedDict):
    """The data of a ``Snapshot``."""

    session: SessionWithGames


@dataclass(frozen=True, slots=True)
class Snapshot(ServiceEvent):
    """A night as it is now, instead of its past events.

    It comes for active nights, ten at most, when a program starts without cursors, and after a ``Gap``.
    """

    data: SnapshotData
    type: Literal["snapshot"] = "snapshot"


class GapData(TypedDict):
    """The data of a ``Gap``: the night, or None."""

    session: SessionOfVote | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Events of a night are lost. ``session_id`` is None if starts of nights are lost.

    Without a ``Snapshot`` after it, the client no longer follows the night.
    """

    timestamp: str
    data: GapData
    type: Literal["gap"] = "gap"

    @property
    def session_id(self) -> int | None:
        """The night that it belongs to."""
        session = self.data["session"]
        return session["id"] if session else None


@dataclass(frozen=True, slots=True)
class UnknownEvent(ServiceEvent):
    """An event of a type that this version does not know, as the service sent it."""

    type: str


Event = (
    SessionStarted | GameAdded | GameRemoved | VoteReceived | VoteWithdrawn | SessionEnded | Snapshot | Gap
)
"""``event.type`` tells a type checker the class of an event, and so the type of ``event.data``.

A type that the service adds comes as an ``UnknownEvent``: ignore it. The union leaves it out, so a type
checker can tell the others apart.
"""


def read(frame: Any) -> Event | None:
    """Return the event in a frame. Logs a malformed one, and returns None."""
    try:
        kind, timestamp, data = frame["type"], frame["timestamp"], frame["data"]
        known = EVENTS.get(kind)
        event: Any = known(timestamp, data) if known else UnknownEvent(timestamp, data, kind)
        usable = isinstance(kind, str) and type(event.session_id) is int
    except (KeyError, TypeError, AttributeError):
        usable = False
    if not usable:
        logger.error("passed over a malformed event: %.200r", frame)
        return None
    known_or_not: Event = event
    return known_or_not

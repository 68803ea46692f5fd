"""What a program hears: the service's events, and two that tell it what it may have missed."""

import logging
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from gamenight.types import (
    EVENTS,
    GameAdded,
    GameRemoved,
    ServiceEvent,
    SessionEnded,
    SessionOfVote,
    SessionStarted,
    SessionWithGames,
    VoteReceived,
    VoteWithdrawn,
)

logger = logging.getLogger("gamenight")


class SnapshotData(TypedDict):
    """What a snapshot says."""

    session: SessionWithGames


@dataclass(frozen=True, slots=True)
class Snapshot(ServiceEvent):
    """A night as it is now, instead of its past events.

    It comes for the active nights when a program starts without cursors, and after each ``Gap``.
    """

    data: SnapshotData
    type: Literal["snapshot"] = "snapshot"


class GapData(TypedDict):
    """Whose events are missing."""

    session: SessionOfVote | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Events were missed and can't be had any more: of a night, or starts of nights where that is None.

    Without a ``Snapshot`` after it, the night is followed no more.
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
"""``event.type`` tells a type checker which of them it is, and so what is in ``event.data``.

A type that the service adds comes as an ``UnknownEvent``. That is not in the union, so that the others can be
told apart. Ignore it.
"""


def read(frame: Any) -> Event | None:
    """Return the event of an envelope; None, and a word about it, where it is none that a program can use."""
    try:
        kind, timestamp, data = frame["type"], frame["timestamp"], frame["data"]
        known = EVENTS.get(kind)
        event: Any = known(timestamp, data) if known else UnknownEvent(timestamp, data, kind)
        usable = isinstance(kind, str) and type(event.session_id) is int
    except (KeyError, TypeError, AttributeError):
        usable = False
    if not usable:
        logger.error("passed over an event that is not as it should be: %.200r", frame)
        return None
    known_or_not: Event = event
    return known_or_not

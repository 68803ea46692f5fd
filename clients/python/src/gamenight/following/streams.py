"""Tracks a client's place in each stream, and decides what the program gets for an event.

The stream ``sessions`` has all starts, ``session:17`` the events of one night. On every connection, and in
all pages, the events of a stream come in order and without a gap. So a client resumes from the last cursor
that it saw, and drops duplicates.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from gamenight.events import Event, Gap, read

logger = logging.getLogger("gamenight")

SESSIONS = "sessions"

NIGHT = re.compile(r"session:[1-9][0-9]{0,14}")

NOW = "now"
"""The cursor of a stream without a place. The answer to it has the stream's end."""

MOST_NIGHTS = 50
"""How many nights a connection may follow. Nights that nobody ends add up; the client drops the oldest."""


class Place(NamedTuple):
    """A client's place in a stream after a frame.

    ``sequence`` counts the stream's events: 1, 2, 3 ... without a gap. ``cursor`` is what ``since`` takes.
    """

    stream: str
    sequence: int
    cursor: str


def place_of(frame: Any) -> Place | None:
    """Return a frame's place; None if it has none."""
    try:
        place = Place(frame["stream"], frame["sequence"], frame["cursor"])
    except (KeyError, TypeError):
        return None
    right = isinstance(place.stream, str) and type(place.sequence) is int and isinstance(place.cursor, str)
    return place if right else None


class Delivery(NamedTuple):
    """An event for the program, or None, and the cursors to save after it (None: forget the stream)."""

    event: Event | None
    cursors: Mapping[str, str | None]


@dataclass(slots=True)
class Stream:
    """A place in a stream: the cursor to resume from, and the sequence, 0 until a frame has told it.

    ``owes_gap`` is true if the place was lost and the program has had no ``Gap`` yet.
    """

    cursor: str = ""
    sequence: int = 0
    owes_gap: bool = False

    def move(self, place: Place) -> None:
        """Move to a place."""
        self.cursor, self.sequence, self.owes_gap = place.cursor, place.sequence, False

    def lose(self) -> None:
        """Forget a place that the service can't resume from."""
        self.cursor, self.sequence, self.owes_gap = NOW, 0, self.owes_gap or self.cursor != NOW


@dataclass(slots=True)
class Streams:
    """All streams that a client follows.

    ``to_ask`` has the streams to ask for on a connection, and when; ``to_leave`` the nights to unsubscribe.
    """

    followed: dict[str, Stream] = field(default_factory=lambda: {SESSIONS: Stream(NOW)})
    to_ask: dict[str, float] = field(default_factory=dict)
    to_leave: list[int] = field(default_factory=list)

    @classmethod
    def at(cls, cursors: Mapping[str, str]) -> "Streams":
        """Return the streams of stored cursors, always with the stream of all starts."""
        nights = sorted(filter(NIGHT.fullmatch, cursors), key=number)[-MOST_NIGHTS:]
        followed = {stream: Stream(cursors[stream]) for stream in nights}
        return cls({SESSIONS: Stream(cursors.get(SESSIONS, NOW)), **followed})

    @property
    def nights(self) -> list[str]:
        """The streams of nights."""
        return [stream for stream in self.followed if stream != SESSIONS]

    def follow(self, stream: str, since: str) -> None:
        """Follow a night from a cursor on."""
        self.followed[stream] = Stream(since)
        self.to_ask[stream] = 0.0
        logger.info("following %s", named(stream))

    def forget(self, stream: str) -> None:
        """Stop following a night."""
        del self.followed[stream]
        self.to_ask.pop(stream, None)
        self.to_leave.append(number(stream))

    def vanished(self, stream: str, now: datetime) -> list[Delivery]:
        """Forget a night that the service does not know any more."""
        self.followed.pop(stream, None)
        self.to_ask.pop(stream, None)
        return [Delivery(Gap(moment(now), {"session": {"id": number(stream)}}), {stream: None})]

    def take(self, place: Place, frame: Any) -> list[Delivery]:
        """Return an event's deliveries; none for a duplicate."""
        stream = self.followed.get(place.stream)
        if stream is None or place.sequence <= stream.sequence:
            return []
        stream.move(place)
        event = read(frame)
        return list(self._started(place, event) if place.stream == SESSIONS else self._happened(place, event))

    def _started(self, place: Place, event: Event | None) -> Iterator[Delivery]:
        night = f"session:{event.session_id}" if event else ""
        if not event or night in self.followed:
            yield Delivery(event, {SESSIONS: place.cursor})
            return
        # From its beginning: the replay has the events before the subscription.
        self.follow(night, "")
        yield Delivery(event, {SESSIONS: place.cursor, night: ""})
        if len(self.nights) > MOST_NIGHTS:
            oldest = min(self.nights, key=number)
            logger.warning("giving up %s, the oldest of too many that have not ended", named(oldest))
            self.forget(oldest)
            yield Delivery(Gap(event.timestamp, {"session": {"id": number(oldest)}}), {oldest: None})

    def _happened(self, place: Place, event: Event | None) -> Iterator[Delivery]:
        if event and event.type == "session.started":
            yield Delivery(None, {place.stream: place.cursor})  # the stream of all starts delivers it
        elif event and event.type == "session.ended":
            self.forget(place.stream)
            yield Delivery(event, {place.stream: None})
        else:
            yield Delivery(event, {place.stream: place.cursor})


def number(stream: str) -> int:
    """Return the id of a stream's night."""
    return int(stream.partition(":")[2])


def named(stream: str) -> str:
    """Return a stream's name for the log."""
    return "the starts of nights" if stream == SESSIONS else stream.replace(":", " ")


def moment(now: datetime) -> str:
    """Return a time as the service writes it."""
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

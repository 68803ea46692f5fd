"""Reads the current state if a client has no place in a stream, or its place can't be recovered."""

import logging
from collections.abc import Iterator
from typing import Any

from gamenight.errors import Dropped, Refused, expected_shape
from gamenight.events import Gap, Snapshot
from gamenight.following.streams import (
    MOST_NIGHTS,
    NOW,
    SESSIONS,
    Delivery,
    Place,
    Streams,
    moment,
    named,
    number,
)
from gamenight.rest import Rest
from gamenight.waiting import Surroundings

logger = logging.getLogger("gamenight")

PAGE = 100
"""Entries of a page: the contract's limit."""

ACTIVE_NIGHTS = 10
"""How many active nights a client without a place gets: the newest, among the last ``PAGE``."""


class Snapshots:
    """Makes a ``Gap`` for lost events, and a ``Snapshot`` of the current state."""

    def __init__(self, rest: Rest, streams: Streams, surroundings: Surroundings) -> None:
        self._rest = rest
        self._streams = streams
        self._surroundings = surroundings

    async def at(self, place: Place) -> list[Delivery]:
        """Return the deliveries for a stream that can be followed only from ``place`` on.

        Raises Dropped. Then the stream has no place until the next connection or poll.
        """
        self._streams.followed[place.stream].lose()
        logger.info("reading the state of %s instead of its past", named(place.stream))
        path = f"/api/sessions/{number(place.stream)}" if place.stream != SESSIONS else None
        try:
            with expected_shape():
                read = await self._rest.request("GET", path or f"/api/sessions?newest={PAGE}")
                return [*(self._of_night(place, read) if path else self._of_nights(place, read))]
        except Refused as refused:
            if path and refused.code == "session_not_found":
                return self._streams.vanished(place.stream, self._surroundings.now())
            if not path and refused.code == "forbidden":  # a guest gets no starts
                self._streams.followed[SESSIONS].move(place)
                return [Delivery(None, {SESSIONS: place.cursor})]
            raise Dropped(str(refused)) from refused

    def _of_nights(self, place: Place, page: Any) -> Iterator[Delivery]:
        stream, newest_first = self._streams.followed[SESSIONS], page["sessions"]
        if not place.sequence:  # a poll's answer lacks it
            place = Place(SESSIONS, newest_first[0]["id"] if newest_first else 0, str(page["cursor"]))
        # A night that has started since comes as session.started.
        active = [
            night["id"] for night in newest_first if night["is_active"] and night["id"] <= place.sequence
        ]
        known = self._streams.nights
        newest = [f"session:{session_id}" for session_id in active[:ACTIVE_NIGHTS]]
        new = [night for night in newest if night not in known][: MOST_NIGHTS - len(known)][::-1]
        gap = Gap(moment(self._surroundings.now()), {"session": None}) if stream.owes_gap else None
        stream.move(place)
        for night in new:
            self._streams.follow(night, NOW)
        yield Delivery(gap, {SESSIONS: place.cursor, **dict.fromkeys(new, NOW)})

    def _of_night(self, place: Place, session: Any) -> Iterator[Delivery]:
        stream, now = self._streams.followed[place.stream], moment(self._surroundings.now())
        ended = not session["is_active"]
        if stream.owes_gap:
            yield Delivery(Gap(now, {"session": {"id": number(place.stream)}}), {})
        stream.move(place)
        if ended:
            self._streams.forget(place.stream)
        yield Delivery(Snapshot(now, {"session": session}), {place.stream: None if ended else place.cursor})

"""Reads events over REST, page by page, while there is no connection."""

from typing import Any
from urllib.parse import quote

from gamenight.errors import Refused, expected_shape
from gamenight.following.snapshots import PAGE, Snapshots
from gamenight.following.streams import NOW, SESSIONS, Delivery, Place, Streams, number, place_of
from gamenight.rest import Rest
from gamenight.waiting import Surroundings


class Polling:
    """Reads pages of each stream, from the client's cursors on."""

    def __init__(
        self, rest: Rest, streams: Streams, snapshots: Snapshots, surroundings: Surroundings
    ) -> None:
        self._rest = rest
        self._streams = streams
        self._snapshots = snapshots
        self._surroundings = surroundings

    async def page(self, key: str) -> tuple[list[Delivery], bool]:
        """Return the deliveries of a stream's next page, and whether another page may follow.

        Raises Refused, TokenRefused, Dropped, and OSError.
        """
        stream = self._streams.followed[key]
        since = stream.cursor
        path = "/api/sessions" if key == SESSIONS else f"/api/sessions/{number(key)}/events"
        try:
            page = await self._rest.request(
                "GET", f"{path}?since={quote(since, safe='')}&limit={PAGE}", attempts=1
            )
        except Refused as refused:
            if refused.code == "session_not_found":
                return self._streams.vanished(key, self._surroundings.now()), False
            if refused.code == "forbidden" and key == SESSIONS:
                return [], False  # a guest gets no starts
            if refused.code == "invalid_cursor" and since != NOW:
                stream.lose()
                return [], True
            raise
        with expected_shape():
            end, entries = str(page["cursor"]), page["sessions" if key == SESSIONS else "events"]
            if since == NOW or not page["recovered"]:
                return await self._snapshots.at(Place(key, 0, end)), False
            if key == SESSIONS:
                entries = [_start(one, end if one is entries[-1] else since) for one in entries]
            places = [place_of(entry) for entry in entries]
            if None in places:
                raise ValueError("an event does not say where it is")
            taken = [
                delivery
                for place, entry in zip(places, entries, strict=True)
                if place
                for delivery in self._streams.take(place, entry)
            ]
            stream.cursor = end
            return taken, len(entries) == PAGE


def _start(session: Any, cursor: str) -> dict[str, Any]:
    """Return the ``session.started`` of a polled session, as subscribers got it."""
    started = {"id": session["id"], "is_active": 1}
    started |= {"created_at": session["created_at"], "notes": session["notes"]}
    place = Place(SESSIONS, session["id"], cursor)
    envelope = {"type": "session.started", "timestamp": session["created_at"], "data": {"session": started}}
    return {**envelope, **place._asdict()}

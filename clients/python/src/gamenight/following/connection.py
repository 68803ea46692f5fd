"""Uses one WebSocket: authenticates, asks for each stream, and returns events for the program."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from websockets.asyncio.client import ClientConnection

from gamenight.errors import Dropped
from gamenight.following.owed import PING_SECONDS, Owed
from gamenight.following.snapshots import Snapshots
from gamenight.following.streams import NOW, SESSIONS, Delivery, Streams, named, number, place_of
from gamenight.tokens import Tokens
from gamenight.waiting import FIRST_DELAY_SECONDS, Surroundings

logger = logging.getLogger("gamenight")

AGAIN_SECONDS = 9.0
"""A frame that was refused for the moment is sent again after ``FIRST_DELAY_SECONDS`` and a random share of
this. So the client doesn't ask for fifty refused nights at the same time."""

LATEST_RECONNECT_MILLISECONDS = 300_000
"""The contract's bound of ``afterMs``."""


class ReplacementAsked(Exception):
    """The service asks the client to open a new connection."""


@dataclass(slots=True, kw_only=True)
class Connection:
    """One WebSocket, from its first frame to its end."""

    socket: ClientConnection
    token: str
    streams: Streams
    snapshots: Snapshots
    tokens: Tokens
    surroundings: Surroundings
    opened_at: float = 0.0
    authenticated: bool = False
    caught_up: bool = False
    owed: Owed = field(default_factory=Owed)
    replace_at: float = inf
    reading: "asyncio.Future[str | bytes] | None" = None

    def __post_init__(self) -> None:
        self.opened_at = self.surroundings.monotonic()
        self.streams.to_ask, self.streams.to_leave = {SESSIONS: 0.0}, []

    @property
    def useful(self) -> bool:
        """Whether it lasted long enough to show that connecting works."""
        return self.authenticated and self.surroundings.monotonic() - self.opened_at >= PING_SECONDS

    async def next(self) -> list[Delivery]:
        """Return the next frame's deliveries; none if something else is due before a frame comes.

        Raises Dropped, ReplacementAsked, TokenRefused, and the errors of a broken connection.
        """
        now = self.surroundings.monotonic()
        if now >= self.replace_at:
            raise ReplacementAsked
        await self._leave()
        await self._ask(now)
        if self.owed.wants_ping():
            await self._send({"type": "ping"})
        due = min([self.replace_at, *self.streams.to_ask.values()])
        text = await self._frame(min(self.owed.seconds(), due - now))
        if text is None:
            return []
        deliveries = await self._handle(text)
        self.caught_up |= self.authenticated and not self.owed.replays and not self.streams.to_ask
        return deliveries

    async def close(self) -> None:
        """Close it, and drop the result of the last read."""
        if self.reading and not self.reading.cancel() and not self.reading.cancelled():
            self.reading.exception()
        await self.socket.close()

    async def _send(self, frame: Mapping[str, Any]) -> None:
        await self.socket.send(json.dumps(frame))

    async def _leave(self) -> None:
        leaving, self.streams.to_leave = self.streams.to_leave, []
        for session_id in leaving:
            self.owed.replays.pop(f"session:{session_id}", None)
            await self._send({"type": "unsubscribe", "sessionId": session_id})

    async def _ask(self, now: float) -> None:
        for stream in [stream for stream, due in self.streams.to_ask.items() if now >= due]:
            del self.streams.to_ask[stream]
            self.owed.asked(stream)
            asked = {"since": self.streams.followed[stream].cursor, "id": stream}
            if stream == SESSIONS:
                await self._send({"type": "auth", "token": self.token, **asked})
            else:
                await self._send({"type": "subscribe", "sessionId": number(stream), **asked})

    async def _frame(self, seconds: float) -> str | bytes | None:
        """Return the next frame; None if none comes in time."""
        self.reading = self.reading or asyncio.ensure_future(self.socket.recv())
        began = self.surroundings.monotonic()
        await self.surroundings.first(self.reading, seconds)
        self.owed.waited += self.surroundings.monotonic() - began
        if not self.reading.done():
            return None
        self.owed.heard()
        read, self.reading = self.reading, None
        return read.result()

    async def _handle(self, text: str | bytes) -> list[Delivery]:
        try:
            frame = json.loads(text)
            kind = frame["type"]
        except (ValueError, KeyError, TypeError, RecursionError):
            logger.warning("ignored a malformed frame: %.200r", text)
            return []
        match kind:
            case "auth_success":
                return await self._let_in(frame)
            case "subscribed":
                return await self._answered(frame)
            case "auth_error":
                await self._not_let_in(str(frame.get("message")))
            case "error" if frame.get("code") == "token_revoked":
                await self._refused(str(frame.get("message")))
            case "error":
                return self._failed(frame)
            case "reconnect":
                after = frame.get("afterMs")
                in_time = isinstance(after, int | float) and 0 <= after <= LATEST_RECONNECT_MILLISECONDS
                self.replace_at = self.surroundings.monotonic() + (after / 1000 if in_time else 0.0)
            case "token_expiring":
                await self._refresh(frame.get("expiresAt"))
            case "pong" | "unsubscribed":
                pass
            case _:
                return self._happened(frame)
        return []

    async def _let_in(self, frame: Mapping[str, Any]) -> list[Delivery]:
        first, self.authenticated = not self.authenticated, True
        self.tokens.accepted()
        deliveries = await self._answered(frame)
        if first:
            logger.info("authenticated as %s (%s)", frame.get("sub"), frame.get("role"))
            for night in self.streams.nights:
                self.streams.to_ask.setdefault(night, 0.0)
        return deliveries

    async def _answered(self, frame: Mapping[str, Any]) -> list[Delivery]:
        place, last = place_of(frame), frame.get("last")
        replay = self.owed.answer_of(place.stream) if place else None
        if not place or not replay or not isinstance(last, int):
            return []  # not an answer; a missing one ends the connection
        deliveries: list[Delivery] = []
        stream = self.streams.followed[place.stream]
        if frame.get("recovered") is True and stream.cursor != NOW:
            stream.move(place)
        else:
            deliveries = await self.snapshots.at(place)
        replay.last = last
        self.owed.came(place)
        return deliveries

    def _happened(self, frame: Mapping[str, Any]) -> list[Delivery]:
        place = place_of(frame)
        if place is None:
            logger.warning("ignored a frame that is neither an answer nor has a place: %.200r", frame)
            return []
        if self.owed.answer_of(place.stream):
            return []  # it comes again after the answer
        deliveries = self.streams.take(place, frame)
        self.owed.came(place)
        return deliveries

    async def _not_let_in(self, message: str) -> None:
        if self.authenticated:
            raise Dropped(f"the refreshed token was refused here: {message}")
        await self._refused(message)

    async def _refused(self, message: str) -> None:
        await self.tokens.refused(self.token, message)
        raise Dropped(f"the token was refused: {message}")

    def _failed(self, frame: Mapping[str, Any]) -> list[Delivery]:
        code, message, key = frame.get("code"), frame.get("message"), str(frame.get("id"))
        if code in ("token_expired", "auth_timeout", "connection_unknown", "not_authenticated"):
            raise Dropped(f"{message} ({code})")
        stream = self.streams.followed.get(key) if key in self.owed.replays else None
        if stream and code == "session_not_found":
            del self.owed.replays[key]
            return self.streams.vanished(key, self.surroundings.now())
        if stream and code == "invalid_cursor" and stream.cursor != NOW:
            stream.lose()
            self.streams.to_ask[key] = 0.0
        elif stream and frame.get("retryable") is True:
            wait = FIRST_DELAY_SECONDS + self.surroundings.share() * AGAIN_SECONDS
            logger.info("%s is refused for the moment (%s); asking again", named(key), code)
            self.streams.to_ask[key] = self.surroundings.monotonic() + wait
        else:
            logger.warning("the service answered with an error: %s (%s)", message, code)
        return []

    async def _refresh(self, expires_at: Any) -> None:
        if not self.tokens.renewable:
            logger.warning(
                "the token expires at %s; pass a function as the token, and it is refreshed in time",
                expires_at,
            )
            return
        old, self.token = self.token, await self.tokens.fresh()
        if self.token != old:
            logger.info("refreshing the token, which expires at %s", expires_at)
            await self._send({"type": "auth", "token": self.token})

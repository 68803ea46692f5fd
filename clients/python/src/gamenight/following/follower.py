"""Keeps a connection, and polls while there is none, until an error that a retry can't fix."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from gamenight.addresses import is_loopback, is_websocket
from gamenight.errors import HTTP_ONLY, Dropped, Refused, WrongAddress, said
from gamenight.following.connection import Connection, ReplacementAsked
from gamenight.following.polling import Polling
from gamenight.following.snapshots import Snapshots
from gamenight.following.streams import NOW, SESSIONS, Delivery, Streams
from gamenight.rest import SERVERS_OWN, Rest
from gamenight.tokens import Tokens, night_of
from gamenight.waiting import Surroundings

logger = logging.getLogger("gamenight")

_wire_logger = logging.getLogger("gamenight.websocket")
_wire_logger.setLevel(logging.INFO)  # below that, websockets logs every frame, and the first holds the token

OPEN_SECONDS = 15.0
NOT_FOUND = 404


State = Literal["connecting", "catching_up", "live", "polling", "closed"]


@dataclass(slots=True, kw_only=True)
class Follower:
    """Follows all streams, and queues deliveries for the program.

    ``guest_of`` is the night of a guest's token. ``reached`` is true once the service has answered: then its
    address is right.
    """

    rest: Rest
    tokens: Tokens
    surroundings: Surroundings
    websocket_url: str | None
    poll_seconds: float
    on_state: Callable[[State], object]
    state: State = "closed"
    reached: bool = False
    progress: bool = False
    guest_of: int | None = None
    told: set[str] = field(default_factory=set)
    streams: Streams = field(default_factory=Streams)
    waiting: "asyncio.Queue[Delivery]" = field(default_factory=asyncio.Queue)

    async def run(self, streams: Streams, waiting: "asyncio.Queue[Delivery]") -> NoReturn:
        """Follow. Raises TokenRefused and WrongAddress, which only a person can fix."""
        self.streams, self.waiting, self.guest_of = streams, waiting, None
        try:
            await self._follow()
        finally:
            self._become("closed")

    async def _follow(self) -> NoReturn:
        failures = 0
        while True:
            self.progress = False
            if self.state != "polling":
                self._become("connecting")
            try:
                await self._listen()
            except ReplacementAsked:
                logger.info("the service asked for a new connection")
                failures = 0 if self.progress else failures + 1
                await self.surroundings.sleep(self.surroundings.delay(failures) if failures else 0)
            except (Dropped, OSError, WebSocketException) as problem:
                failures = 1 if self.progress else failures + 1
                delay = self.surroundings.delay(failures)
                self.told.add(said(problem))
                logger.warning("%s; next attempt in %.1f s", self._broken(problem), delay)
                # Two failures in a row may mean that a proxy blocks WebSockets.
                await (self._poll_for(delay) if failures > 1 else self.surroundings.sleep(delay))

    def _broken(self, problem: Exception) -> str:
        if self.reached or not isinstance(problem, OSError):
            return f"the connection is lost ({said(problem)})"
        reason = said(problem)
        hint = "" if reason == HTTP_ONLY else "; is it running, is it http or https?"
        return f"nobody answers at {self.rest.url} yet ({reason}{hint})"

    def _become(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self.on_state(state)

    async def _deliver(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            self.progress = True
            await self.waiting.put(delivery)

    async def _listen(self) -> NoReturn:
        """Connect and read. Raises the error that ended the connection."""
        url = self.websocket_url or await self._discovered()
        token = await self.tokens.fresh()
        self._follow_night_of(token)
        connection = Connection(
            socket=await self._opened(url),
            token=token,
            streams=self.streams,
            snapshots=self._snapshots(),
            tokens=self.tokens,
            surroundings=self.surroundings,
        )
        try:
            logger.info("connected to %s", url)
            self.told.clear()
            while True:
                await self._deliver(await connection.next())
                if connection.authenticated:
                    self._become("live" if connection.caught_up else "catching_up")
        finally:
            self.progress |= connection.useful
            self.reached |= connection.authenticated
            await connection.close()

    def _follow_night_of(self, token: str) -> None:
        """Follow the night of a guest, once, because a guest gets no starts."""
        known, self.guest_of = self.guest_of, night_of(token)
        stream = f"session:{self.guest_of}"
        if self.guest_of not in (known, None) and stream not in self.streams.followed:
            self.streams.follow(stream, NOW)

    async def _opened(self, url: str) -> ClientConnection:
        async def opening() -> ClientConnection:
            return await connect(
                url,
                open_timeout=None,
                close_timeout=1,
                ping_interval=None,
                logger=_wire_logger,
                proxy=None if is_loopback(url) else True,
            )

        try:
            return await self.surroundings.within(OPEN_SECONDS, opening())
        except ImportError as missing:  # only if the environment names a SOCKS proxy
            raise Dropped(f"{missing}: pip install 'python-socks[asyncio]'") from missing

    async def _discovered(self) -> str:
        try:
            url: Any = (await self.rest.request("GET", "/api", attempts=1))["websocket_url"]
        except Refused as refused:
            if refused.status >= SERVERS_OWN or self.reached:
                raise Dropped(str(refused)) from refused
            raise self.rest.wrong_address() from refused
        except (KeyError, TypeError) as wrong:
            raise self.rest.wrong_address() from wrong
        self.reached = True
        if not isinstance(url, str) or not is_websocket(url):
            raise WrongAddress(
                f"{self.rest.url}/api names {url!r} as its WebSocket's address, which is not one. "
                "Pass websocket_url."
            )
        self.websocket_url = url
        return url

    async def _poll_for(self, seconds: float) -> None:
        """Poll over REST for so many seconds."""
        until = self.surroundings.monotonic() + seconds
        while True:
            try:
                await self._poll()
            except Refused as refused:
                if refused.status == NOT_FOUND and not self.reached:
                    raise self.rest.wrong_address() from refused
                self._tell_once(said(refused))
            except (Dropped, OSError) as problem:
                self._tell_once(said(problem))
            else:
                self.reached = True
                self.told.clear()
                if self.state != "polling":
                    self._become("polling")
                    logger.warning("no WebSocket for now; polling every %g s", self.poll_seconds)
            left = until - self.surroundings.monotonic()
            if left <= 0:
                return
            await self.surroundings.sleep(min(self.poll_seconds, left))

    def _snapshots(self) -> Snapshots:
        return Snapshots(self.rest, self.streams, self.surroundings)

    async def _poll(self) -> None:
        polling = Polling(self.rest, self.streams, self._snapshots(), self.surroundings)
        await self._read(polling, SESSIONS)
        for night in self.streams.nights:
            await self._read(polling, night)

    async def _read(self, polling: Polling, stream: str) -> None:
        more = True
        while more and stream in self.streams.followed:
            deliveries, more = await polling.page(stream)
            await self._deliver(deliveries)

    def _tell_once(self, reason: str) -> None:
        """Log why polling fails, each reason once until something works."""
        if reason not in self.told:
            self.told.add(reason)
            logger.warning("polling failed: %s", reason)

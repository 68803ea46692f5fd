"""Keeps a connection, and polls while there is none, until something is wrong that stays wrong."""

import asyncio
import logging
from typing import Any, NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from gamenight.addresses import is_loopback, is_websocket
from gamenight.errors import Dropped, Refused, WrongAddress, said
from gamenight.following.connection import Connection, ReplacementAsked
from gamenight.following.polling import Polling
from gamenight.following.snapshots import Snapshots
from gamenight.following.streams import SESSIONS, Delivery, Streams
from gamenight.rest import SERVERS_OWN, Rest
from gamenight.tokens import Tokens
from gamenight.waiting import Surroundings

logger = logging.getLogger("gamenight")

_wire_logger = logging.getLogger("gamenight.websocket")
_wire_logger.setLevel(logging.INFO)  # below that, websockets logs every frame, and the first holds the token

OPEN_SECONDS = 15.0
NOT_FOUND = 404


class Follower:
    """Follows all streams, and puts what is due to the program into a queue."""

    def __init__(
        self,
        rest: Rest,
        websocket_url: str | None,
        poll_seconds: float,
        tokens: Tokens,
        surroundings: Surroundings,
    ) -> None:
        self._rest = rest
        self._websocket_url = websocket_url
        self._poll_seconds = poll_seconds
        self._tokens = tokens
        self._surroundings = surroundings
        self._reached = False
        self._polling = False
        self._told: set[str] = set()

    async def run(self, streams: Streams, waiting: "asyncio.Queue[Delivery]") -> NoReturn:
        """Follow. Raises TokenRefused and WrongAddress, which only a person can do something about."""
        self._streams, self._waiting = streams, waiting
        self._snapshots = Snapshots(self._rest, streams, self._surroundings)
        failures = 0
        while True:
            self._progress = False
            try:
                await self._listen()
            except ReplacementAsked:
                logger.info("the service asked for a new connection")
                failures = 0 if self._progress else failures + 1
                await self._surroundings.sleep(self._surroundings.delay(failures) if failures else 0)
            except (Dropped, OSError, WebSocketException) as problem:
                failures = 1 if self._progress else failures + 1
                delay = self._surroundings.delay(failures)
                self._told.add(said(problem))
                logger.warning("the connection is lost (%s); next attempt in %.1f s", said(problem), delay)
                # A break is short. Two in a row may be a proxy that lets no WebSocket through.
                await (self._poll_for(delay) if failures > 1 else self._surroundings.sleep(delay))

    async def _deliver(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            self._progress = True
            await self._waiting.put(delivery)

    async def _listen(self) -> NoReturn:
        """Be connected. Raises what ended it."""
        url = self._websocket_url or await self._discovered()
        token = await self._tokens.fresh()
        connection = Connection(
            socket=await self._opened(url),
            token=token,
            streams=self._streams,
            snapshots=self._snapshots,
            tokens=self._tokens,
            surroundings=self._surroundings,
        )
        try:
            logger.info("connected to %s", url)
            self._told.clear()
            while True:
                await self._deliver(await connection.next())
        finally:
            self._progress |= connection.useful
            self._reached |= connection.authenticated
            self._polling &= not connection.authenticated
            await connection.close()

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
            return await self._surroundings.within(OPEN_SECONDS, opening())
        except ImportError as missing:  # only where the environment names a SOCKS proxy
            raise Dropped(f"{missing}: pip install 'python-socks[asyncio]'") from missing

    async def _discovered(self) -> str:
        try:
            url: Any = (await self._rest.request("GET", "/api", attempts=1))["websocket_url"]
        except Refused as refused:
            if refused.status >= SERVERS_OWN or self._reached:
                raise Dropped(str(refused)) from refused
            raise self._rest.wrong_address() from refused
        except (KeyError, TypeError) as wrong:
            raise self._rest.wrong_address() from wrong
        self._reached = True
        if not isinstance(url, str) or not is_websocket(url):
            raise WrongAddress(
                f"{self._rest.url}/api names {url!r} as its WebSocket's address, which is none. "
                "Pass websocket_url."
            )
        self._websocket_url = url
        return url

    async def _poll_for(self, seconds: float) -> None:
        """Read over REST what a connection would have brought, for a while."""
        until = self._surroundings.monotonic() + seconds
        while True:
            try:
                await self._poll()
            except Refused as refused:
                if refused.status == NOT_FOUND and not self._reached:
                    raise self._rest.wrong_address() from refused
                self._tell_once(said(refused))
            except (Dropped, OSError) as problem:
                self._tell_once(said(problem))
            else:
                self._reached = True
                self._told.clear()
                if not self._polling:
                    self._polling = True
                    logger.warning("no WebSocket for now; polling every %g s", self._poll_seconds)
            left = until - self._surroundings.monotonic()
            if left <= 0:
                return
            await self._surroundings.sleep(min(self._poll_seconds, left))

    async def _poll(self) -> None:
        polling = Polling(self._rest, self._streams, self._snapshots, self._surroundings)
        await self._read(polling, SESSIONS)
        for night in self._streams.nights:
            await self._read(polling, night)

    async def _read(self, polling: Polling, stream: str) -> None:
        more = True
        while more and stream in self._streams.followed:
            deliveries, more = await polling.page(stream)
            await self._deliver(deliveries)

    def _tell_once(self, reason: str) -> None:
        """Tell why polling fails, but not what has been told since something last worked."""
        if reason not in self._told:
            self._told.add(reason)
            logger.warning("polling failed: %s", reason)

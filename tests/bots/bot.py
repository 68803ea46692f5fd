"""A bot whose time and chance are the test's, on a server that the test scripts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gamenight import CursorStore, GameNight, MemoryCursors, Surroundings, Token

from tests.bots.listening import PATIENCE_SECONDS, Listener, listening
from tests.bots.server import Script, Server

TINY = 1e-6
TOKEN = "a-token"
AT_SEVEN = {"sessions": "S:7"}


class FakeTime(Surroundings):
    """``chance`` is every random share. A wait of no time is over at once; any other needs ``passes``."""

    def __init__(self, chance: float = 0.0) -> None:
        self.chance = chance
        self._time = 0.0
        self._ids = 0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return datetime(2025, 11, 1, 20, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return self._time

    def share(self) -> float:
        return self.chance

    def new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        sleeper = (self._time + seconds, asyncio.get_running_loop().create_future())
        self._sleepers.append(sleeper)
        self._changed.set()
        try:
            await sleeper[1]
        finally:
            self._sleepers.remove(sleeper)

    async def waits_for(self, seconds: float) -> None:
        """Wait until somebody waits for exactly so long."""
        while all(abs(due - self._time - seconds) > TINY for due, _ in self._sleepers):
            self._changed.clear()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._changed.wait()

    async def passes(self, *delays: float) -> None:
        """Let time pass, each time once somebody waits for exactly so long, and wake whoever is due."""
        for seconds in delays:
            await self.waits_for(seconds)
            until = self._time = self._time + seconds
            for due, sleeper in self._sleepers:
                if due <= until + TINY and not sleeper.done():
                    sleeper.set_result(None)

    async def passes_for_all(self, seconds: float) -> None:
        """Let time pass, whoever waits for it."""
        waiting = asyncio.create_task(self.sleep(seconds))
        await self.passes(seconds)
        await waiting


class Hurried(Surroundings):
    """The real time, and the shortest share of every delay, so that a bot is back at once."""

    def share(self) -> float:
        return 0.01


@dataclass
class Bot:
    """A bot that listens to a server."""

    night: GameNight
    server: Server
    time: FakeTime
    listener: Listener
    store: Any = None
    hearing: "list[asyncio.Task[list[str]]]" = field(default_factory=list)

    async def hears(self, count: int = 1) -> list[str]:
        return await self.listener.hears(count)

    def hears_meanwhile(self, count: int = 1) -> "asyncio.Task[list[str]]":
        """Listen while the test goes on, until its end at most."""
        self.hearing.append(asyncio.create_task(self.hears(count)))
        return self.hearing[-1]


@asynccontextmanager
async def bot_on(
    *scripts: Script,
    cursors: dict[str, str] | CursorStore | Path | None = AT_SEVEN,
    pages: dict[str, Any] | None = None,
    blocked: bool = False,
    token: Token = TOKEN,
    time: FakeTime | None = None,
    url: str | None = None,
) -> AsyncIterator[Bot]:
    """Start a bot at stored positions, on a server that plays a script for each connection in turn."""
    server = Server([*scripts] or [[]], pages or {}, blocked)
    store = MemoryCursors({**cursors}) if isinstance(cursors, dict) else cursors
    time = time or FakeTime()
    async with server.serving():
        night = GameNight(url or server.url, token, cursors=store, surroundings=time)
        async with listening(night) as listener:
            bot = Bot(night, server, time, listener, store)
            try:
                yield bot
            finally:
                for hearing in bot.hearing:
                    hearing.cancel()
                await asyncio.gather(*bot.hearing, return_exceptions=True)

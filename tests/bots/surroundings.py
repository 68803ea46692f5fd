"""Time and chance as a test wants them: nothing passes unless the test says so."""

import asyncio
from datetime import UTC, datetime

from gamenight import Surroundings

PATIENCE_SECONDS = 60.0
TINY = 1e-6
NOW = datetime(2025, 11, 1, 20, 0, tzinfo=UTC)


class Stage(Surroundings):
    """``chance`` is every random share. A wait of no time is over at once; any other needs ``passes``."""

    def __init__(self, chance: float = 0.0) -> None:
        self.chance = chance
        self.slept: list[float] = []
        self._time = 0.0
        self._ids = 0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return NOW

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
        self.slept.append(seconds)
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

    async def passes(self, seconds: float) -> None:
        """Let time pass once somebody waits for exactly so long, and wake whoever is due."""
        await self.waits_for(seconds)
        until = self._time = self._time + seconds
        for due, sleeper in self._sleepers:
            if due <= until + TINY and not sleeper.done():
                sleeper.set_result(None)


class Hurried(Surroundings):
    """The real time, and the shortest share of every delay, so that a bot is back at once."""

    def share(self) -> float:
        return 0.01

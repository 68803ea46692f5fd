"""A bot in a test: what it hears, one event after the other or as many as there are to come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gamenight import Event, GameNight

PATIENCE_SECONDS = 60.0


class Listener:
    """Somebody who listens. What was heard is dealt with once the next is asked for."""

    def __init__(self, events: AsyncIterator[Event]) -> None:
        self._events = events

    async def next(self) -> Event:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await anext(self._events)

    async def hears(self, count: int) -> list[str]:
        """Return short names of the next events, such as ``session.started 7``."""
        return [named(await self.next()) for _ in range(count)]


def named(event: Event) -> str:
    """Return a short name: the type and the id of what is the news."""
    data: Any = event.data
    news = data.get("game") or data.get("session") or {"id": "-"}
    return f"{event.type} {news['id']}"


@asynccontextmanager
async def listening(night: GameNight) -> AsyncIterator[Listener]:
    events = night.events()
    try:
        yield Listener(events)
    finally:
        await events.aclose()

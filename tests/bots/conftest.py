"""What the tests of the client library share: a hostile service, and a bot whose time a test controls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from gamenight import CursorStore, GameNight, MemoryCursors, Token

from tests.bots.hostile_service import Behaviour, HostileService
from tests.bots.listening import Ear, listening
from tests.bots.surroundings import Stage
from tests.clients import Target
from tests.gateway import Gateway

TOKEN = "a-token"


@dataclass
class Bot:
    """A bot that listens to a hostile service."""

    night: GameNight
    ear: Ear
    stage: Stage
    hearing: "list[asyncio.Task[list[str]]]" = field(default_factory=list)

    def hears_in_background(self, count: int) -> "asyncio.Task[list[str]]":
        """Listen while the test goes on, until its end at most."""
        self.hearing.append(asyncio.create_task(self.ear.hears(count)))
        return self.hearing[-1]


Serve = Callable[..., Awaitable[HostileService]]
StartBot = Callable[..., AbstractAsyncContextManager[Bot]]


@pytest.fixture(scope="session")
def target(gateway: Gateway) -> Target:
    """The local gateway, whatever target the conformance suite was given."""
    return Target(gateway.rest_url, gateway.websocket_url, gateway.token_command)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a service that does one thing to each connection, in turn."""
    async with AsyncExitStack() as services:

        async def start(*behaviours: Behaviour) -> HostileService:
            return await services.enter_async_context(HostileService([*behaviours]).serving())

        yield start


@pytest.fixture
def start_bot() -> StartBot:
    """Start a bot at stored positions."""

    @asynccontextmanager
    async def start(
        service: HostileService,
        cursors: dict[str, str] | CursorStore | Path | None = None,
        token: Token = TOKEN,
        stage: Stage | None = None,
        **options: Any,
    ) -> AsyncIterator[Bot]:
        stage = stage or Stage()
        store = MemoryCursors(cursors) if isinstance(cursors, dict) else cursors
        night = GameNight(service.url, token, cursors=store, surroundings=stage, **options)
        async with listening(night) as ear:
            bot = Bot(night, ear, stage)
            try:
                yield bot
            finally:
                for hearing in bot.hearing:
                    hearing.cancel()
                await asyncio.gather(*bot.hearing, return_exceptions=True)

    return start

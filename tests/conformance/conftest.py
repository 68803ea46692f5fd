"""A night, and the clients that most tests begin with."""

from typing import Any

import pytest

from tests.clients import Bot, Connect, Host, Target


@pytest.fixture
async def night(host: Host) -> Any:
    """A session without games."""
    return await host.start("Friday")


@pytest.fixture
async def game(host: Host, night: Any) -> Any:
    """The night's first game."""
    return await host.add_game(night["id"])


@pytest.fixture
async def stranger(connected: Connect) -> Bot:
    """A connection that has not authenticated."""
    return await connected()


@pytest.fixture
async def bot(target: Target, connected: Connect) -> Bot:
    """An authenticated connection."""
    return await connected(target.token("bot"))

"""@connections answers all that it can answer, and nothing: nobody else waits, and nothing is lost."""

import asyncio

import pytest

from tests.faults.clients import titles
from tests.faults.service import Service
from tests.integration.aws.hostile_server import (
    GONE,
    OK,
    Behaviour,
    answer,
    never,
    reset,
    say,
    say_and_hang_up,
)

LASTING = {
    **{str(status): answer(status) for status in (403, 413, 429, 500, 503)},
    "half an answer": say_and_hang_up(b"HTTP/1.1 20"),
    "a reset": reset,
}
SILENT = {"nothing": never, "half an answer, and the connection stays": say(b"HTTP/1.1 20")}
"""Silence is waited out each time, and is then what a reset is: no answer."""

SILENCE_SECONDS = 0.5
"""Whoever is slower than that gets the event again."""


async def night(service: Service) -> int:
    """Start a night that two clients follow, one of which will be in trouble."""
    session_id = await service.start()
    for client in ("good=", "bad="):
        await service.join(client, session_id)
    await service.settle()
    return session_id


@pytest.mark.parametrize("fault", [*LASTING.values(), *SILENT.values()], ids=[*LASTING, *SILENT])
async def test_a_fault_that_passes_costs_nobody_an_event(service: Service, fault: Behaviour) -> None:
    if fault in SILENT.values():
        await service.replace_environment(post_seconds=SILENCE_SECONDS)
    session_id = await night(service)
    service.clients.behave("bad=", *[fault] * 4, OK)

    games = [await service.add_game(session_id) for _ in range(3)]
    await service.deliver()
    meanwhile = titles(service.clients.heard("good="))
    await service.work()

    assert meanwhile == games
    assert titles(service.clients.heard("bad=")) == games
    assert service.dead() == []


@pytest.mark.parametrize("fault", [*LASTING.values(), GONE], ids=[*LASTING, "gone"])
async def test_a_client_that_cannot_be_caught_up_is_closed(service: Service, fault: Behaviour) -> None:
    session_id = await night(service)
    service.clients.behave("bad=", fault)

    games = [await service.add_game(session_id) for _ in range(3)]
    await service.settle()

    assert titles(service.clients.heard("good=")) == games
    assert service.clients.closed("bad=") == (fault is not GONE)
    assert service.rows_of("bad=") == []
    assert await asyncio.to_thread(service.app._connections.get, "good=") is not None
    assert service.dead() == []

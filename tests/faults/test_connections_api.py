"""@connections answers all that it can answer, and nothing: nobody else waits, and nothing is lost."""

import asyncio
from typing import Any

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

SILENCES = ("nothing", "half an answer, and the connection stays")
PASSING = {
    "403": answer(403),
    "413": answer(413),
    "429": answer(429),
    "500": answer(500),
    "503": answer(503),
    "nothing": never,
    "half an answer": say_and_hang_up(b"HTTP/1.1 20"),
    "half an answer, and the connection stays": say(b"HTTP/1.1 20"),
    "a reset": reset,
}
LASTING = {name: one for name, one in PASSING.items() if name not in SILENCES}
"""Each is tried till the last attempt. Silence is waited out each time, half a minute in all, and is then
what a reset is: no answer."""


async def night(service: Service) -> int:
    """Start a night that two clients follow, one of which will be in trouble."""
    session_id = await service.start()
    for client in ("good=", "bad="):
        await service.join(client, session_id)
    await service.settle()
    return session_id


@pytest.mark.parametrize("fault", [pytest.param(one, id=name) for name, one in PASSING.items()])
async def test_a_fault_that_passes_costs_nobody_an_event_and_nobody_the_order(
    service: Service, fault: Behaviour
) -> None:
    session_id = await night(service)
    service.clients.behave("bad=", *[fault] * 4, OK)  # more than one delivery tries

    games = [await service.add_game(session_id) for _ in range(3)]
    await service.settle()

    assert titles(service.clients.heard("good=")) == games
    assert titles(service.clients.heard("bad=")) == games
    assert service.dead() == []


def left_of(service: Service, client: str) -> list[Any]:
    table = service.settings.connections_table
    left = service.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    return [item for item in left if client in item["PK"]["S"] + item["SK"]["S"]]


@pytest.mark.parametrize("fault", [pytest.param(one, id=name) for name, one in LASTING.items()])
async def test_a_client_that_cannot_be_caught_up_is_closed(service: Service, fault: Behaviour) -> None:
    session_id = await night(service)
    service.clients.behave("bad=", fault)

    games = [await service.add_game(session_id) for _ in range(3)]
    await service.settle()

    assert titles(service.clients.heard("good=")) == games
    assert service.clients.closed("bad=")
    assert left_of(service, "bad=") == []
    assert service.dead() == []


async def test_who_can_be_neither_posted_to_nor_closed_is_a_dead_letter(service: Service) -> None:
    session_id = await night(service)
    service.clients.server.delete = None
    service.clients.behave("bad=", answer(500))

    games = [await service.add_game(session_id) for _ in range(3)]
    await service.settle()

    assert titles(service.clients.heard("good=")) == games
    [dead] = service.dead()
    assert (dead["stream"], dead["connection_id"], dead["behind"]) == (f"session:{session_id}", "bad=", 2)


async def test_whoever_may_not_post_for_a_while_owes_nobody_an_event(service: Service) -> None:
    session_id = await night(service)
    for client in ("good=", "bad="):
        service.clients.behave(client, answer(403), answer(403), OK)

    games = [await service.add_game(session_id) for _ in range(2)]
    await service.settle()

    assert titles(service.clients.heard("good=")) == games
    assert titles(service.clients.heard("bad=")) == games
    assert service.dead() == []


async def test_whoever_is_gone_without_a_word_leaves_no_trace(service: Service) -> None:
    session_id = await night(service)
    service.clients.behave("bad=", GONE)

    await service.add_game(session_id)
    await service.settle()

    assert left_of(service, "bad=") == []
    assert await asyncio.to_thread(service.app._connections.get, "good=") is not None


async def test_one_client_that_is_slow_for_a_while_holds_up_nobody_and_gets_everything_in_order(
    service: Service,
) -> None:
    session_id = await night(service)
    others = [f"other{number}=" for number in range(20)]
    for client in others:
        await service.join(client, session_id)
    service.clients.behave("bad=", *[answer(429)] * 5, OK)

    games = [await service.add_game(session_id) for _ in range(5)]
    await service.deliver()

    assert [titles(service.clients.heard(one)) for one in others] == [games] * len(others)
    await service.work()
    assert titles(service.clients.heard("bad=")) == games
    assert all(len(service.clients.heard(one)) == len(games) for one in others)

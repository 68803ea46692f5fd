"""Everything goes wrong at random, and once it stops, everyone has everything in order and nothing is left.

The seed is printed; FAULTS_SEED=17 pytest tests/faults/test_all_together.py brings a night back. Threads and
sockets have a will of their own, so that the same seed is the same faults and not always the same moments.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from random import Random, SystemRandom
from typing import Any

import pytest

from chalicelib.delivery.catch_up import ATTEMPTS
from tests.faults.chaos import CLIENTS, WITNESS, Chaos
from tests.faults.faulty_dynamodb import FaultyDynamoDb
from tests.faults.service import Service, running_service, titles

ROUNDS = 40

MOST_POSTS = 2 * 3 * ATTEMPTS
"""To one client for one event: three posts for each attempt of a job, and as many after a redrive."""


@pytest.fixture(params=[500, 2], ids=["posted at once", "by jobs"])
async def troubled(
    engine: str, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Service, FaultyDynamoDb]]:
    async with (
        FaultyDynamoDb(engine).serving() as dynamodb,
        running_service(engine, dynamodb=dynamodb.url, inline=request.param) as service,
    ):
        yield service, dynamodb


def seed() -> int:
    return int(os.environ.get("FAULTS_SEED") or SystemRandom().randrange(10**6))


@pytest.mark.timeout(300)
async def test_once_all_faults_are_over_everyone_has_everything_in_order_and_nothing_is_left(
    troubled: tuple[Service, FaultyDynamoDb], capsys: pytest.CaptureFixture[str]
) -> None:
    number = seed()
    with capsys.disabled():
        print(f"\nFAULTS_SEED={number}", end=" ")  # noqa: T201 - how to bring a failure back
    service, dynamodb = troubled
    chaos = Chaos(service, dynamodb, Random(number))
    await chaos.begin()

    for happens in chaos.night(ROUNDS):
        await happens()
    await chaos.heal()
    chaos.games.append(await service.add_game(chaos.session_id))  # finds out who is gone
    await service.settle()

    log = await asyncio.to_thread(_logged, service, chaos.session_id)
    assert log == list(dict.fromkeys(log))
    assert set(chaos.games) <= set(log)
    redone = chaos.out_of_order()
    in_order = [title for title in log if title not in redone]
    for client in CLIENTS:
        heard, refused = titles(service.clients.heard(client)), chaos.refused(client)
        assert set(heard) == set(log) - refused
        assert [one for one in heard if one not in redone] == [one for one in in_order if one not in refused]
        assert len(service.clients.posts(client)) <= MOST_POSTS * len(log) + MOST_POSTS
    *gone, guest = chaos.guests
    heard = [one for one in titles(service.clients.heard(guest)) if one not in redone]
    assert heard == in_order[len(in_order) - len(heard) :]
    assert titles(service.clients.heard(WITNESS)) == chaos.mended
    assert service.dead() == []
    items = await _items(service)
    assert [item["SK"]["S"] for item in items if "lag_first" in item] == []
    assert [item for item in items for one in gone if one in item["PK"]["S"] + item["SK"]["S"]] == []


def _logged(service: Service, session_id: int) -> list[str]:
    state = service.app.reading.session(session_id)
    return [game["title"] for game in state["games"]]


async def _items(service: Service) -> list[Any]:
    """Return all that is kept of connections."""
    scan = service.client("dynamodb").get_paginator("scan")
    pages = scan.paginate(TableName=service.settings.connections_table, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]

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
from tests.faults.chaos import Chaos
from tests.faults.clients import titles
from tests.faults.faulty_dynamodb import FaultyDynamoDb
from tests.faults.service import Service, running_service

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
    started = await service.start()  # likewise
    await service.settle()

    log = await asyncio.to_thread(_logged, service, chaos.session_id)
    assert log == list(dict.fromkeys(log))
    assert set(chaos.games) <= set(log)
    for follower in chaos.followers:
        places, kept = follower.followed()
        assert titles(kept) == log
        assert places["sessions"]["sequence"] == started
        assert follower.posts() <= MOST_POSTS * len(log) + MOST_POSTS
    places, _ = chaos.onlooker.followed()
    assert places[f"session:{chaos.other_night}"]["sequence"] == 2
    *gone, guest = chaos.guests
    heard = titles(service.clients.heard(guest))
    assert heard == log[len(log) - len(heard) :]
    assert service.dead() == []
    items = await _items(service)
    assert [item["SK"]["S"] for item in items if "behind" in item] == []
    assert [item for item in items for one in gone if one in item["PK"]["S"] + item["SK"]["S"]] == []


def _logged(service: Service, session_id: int) -> list[str]:
    state = service.app.queries.session(session_id)
    return [game["title"] for game in state["games"]]


async def _items(service: Service) -> list[Any]:
    """Return all that is kept of connections."""
    scan = service.client("dynamodb").get_paginator("scan")
    pages = scan.paginate(TableName=service.settings.connections_table, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]

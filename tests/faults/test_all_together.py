"""Everything goes wrong at random, and once it stops, everyone has everything in order and nothing is left.

The seed is printed; FAULTS_SEED=17 pytest tests/faults/test_all_together.py brings a night back. Threads and
sockets have a will of their own, so that the same seed is the same faults and not always the same moments.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random, SystemRandom

import pytest

from chalicelib.errors import GameNightError
from infra.deploy.operate.redrive import redrive
from tests.faults.clients import Follower, titles
from tests.faults.dynamodb_refusals import Fault
from tests.faults.faulty_dynamodb import FaultyDynamoDb
from tests.faults.service import Service, running_service
from tests.integration.aws.hostile_server import GONE, OK, answer, reset, say_and_hang_up

ROUNDS = 45
HAPPENINGS = ["game"] * 4 + ["deliver", "work"] * 3 + ["trouble", "store", "back"] * 2
HAPPENINGS += ["killed", "clock", "late", "deliver twice", "work twice"]
TROUBLES = [*map(answer, (403, 413, 429, 500, 503)), reset, say_and_hang_up(b"HTTP/1.1 20")]
QUICK = [one for one in Fault if one is not Fault.SILENT]  # which is waited out for three seconds each time


@dataclass
class Night:
    """A night of faults, and clients that follow it through all of them."""

    service: Service
    dynamodb: FaultyDynamoDb
    chance: Random
    session_id: int
    followers: Sequence[Follower]

    def happenings(self) -> list[str]:
        """Return what happens: each at least once."""
        happenings = [*self.chance.choices(HAPPENINGS, k=ROUNDS), *dict.fromkeys(HAPPENINGS)]
        self.chance.shuffle(happenings)
        return happenings

    async def happens(self, what: str, key: str) -> list[str]:
        """Let something happen; return the game that a host was told of, if any."""
        service, chance = self.service, self.chance
        match what:
            case "game":
                return await self.add_game(key)
            case "deliver" | "deliver twice":
                await service.deliver(twice=what == "deliver twice")
            case "work" | "work twice":
                await service.work(twice=what == "work twice")
            case "trouble":
                troubles = [chance.choice(TROUBLES)] * chance.choice([1, 4, 12, 60])
                service.clients.behave(chance.choice(self.followers).connection_id, *troubles, OK)
            case "store":
                self.dynamodb.fail(*chance.choices(QUICK, k=chance.choice([1, 2, 8])))
            case "back":
                await self.come_back()
            case "killed":
                await self.kill(chance.randrange(1, 40))
            case "clock":
                service.clock_is_off = chance.choice([-60, 60])
            case "late":
                await self.add_game(key)
                service.hours_late = 1.1
                await service.deliver()
                service.hours_late = 0
        return []

    async def add_game(self, key: str) -> list[str]:
        """Ask again after 503 or 409, as a host does under the same key."""
        for _ in range(20):
            with suppress(GameNightError):
                return [await self.service.add_game(self.session_id, key)]
        return []

    async def join(self, follower: Follower) -> None:
        """Let a client connect and resume, on another connection each time until it is answered."""
        cursors = follower.cursors()
        while True:
            with suppress(GameNightError):
                await self.service.join(follower.connection_id, self.session_id, places=cursors)
                return
            self.service.clients.behave(follower.connection_id, GONE)
            follower.lives += 1

    async def come_back(self) -> int:
        """Let those come back who were closed; return how many they were."""
        closed = [one for one in self.followers if self.service.clients.closed(one.connection_id)]
        for follower in closed:
            follower.lives += 1
            await self.join(follower)
        return len(closed)

    async def kill(self, requests: int) -> None:
        """Kill a function after so many requests; what it was given comes again, to another environment."""
        posts = self.service.clients.server.requests
        working = asyncio.create_task(self.service.settle())
        moment = self.dynamodb.asked + len(posts) + requests
        # How much has happened at sockets can only be asked again.
        while not working.done() and self.dynamodb.asked + len(posts) < moment:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await self.service.replace_environment()

    async def heal(self) -> None:
        """Let all faults be over, and redo what was given up, until there is nothing left to do."""
        self.dynamodb.fail()
        self.service.clock_is_off = 0
        for follower in self.followers:
            if not self.service.clients.closed(follower.connection_id):
                self.service.clients.behave(follower.connection_id, OK)
        for _ in range(10):
            await self.service.settle()
            stage = self.service.operated()
            redone = await asyncio.to_thread(redrive, stage, lambda _: None, dry_run=False, patience=0)
            if not redone.jobs.found + redone.records.found + await self.come_back():
                return
        raise AssertionError("what is to be redone never ends")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("inline", [500, 2], ids=["posted at once", "by jobs"])
async def test_after_all_faults_everyone_has_everything_in_order(
    engine: str, dynamodb: FaultyDynamoDb, inline: int, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or SystemRandom().randrange(10**6))
    with capsys.disabled():
        print(f"\nFAULTS_SEED={seed}", end=" ")  # noqa: T201 - how to bring a failure back
    async with running_service(engine, dynamodb=dynamodb.url, inline=inline) as service:
        followers = [Follower(service.clients, f"client{number}-") for number in range(6)]
        night = Night(service, dynamodb, Random(seed), await service.start(), followers)
        for follower in followers:
            await night.join(follower)

        games = []
        for number, what in enumerate(night.happenings()):
            games += await night.happens(what, f"key{number}")
        await night.heal()
        games.append(await service.add_game(night.session_id))
        started = await service.start()
        await service.settle()

        state = await asyncio.to_thread(service.app.queries.session, night.session_id)
        log = [game["title"] for game in state["games"]]
        assert log == list(dict.fromkeys(log))
        assert {*games} <= {*log}
        for follower in followers:
            places, kept = follower.followed()
            assert titles(kept) == log
            assert places["sessions"]["sequence"] == started
        assert service.dead() == []
        assert [row for row in service.rows_of("") if "behind" in row] == []

"""A night of faults, chosen by chance: what happens in a round, and how all of it is over in the end."""

import asyncio
from random import Random

from chalicelib.domain.errors import GameNightError
from infra.operations.redrive import redrive
from tests.faults.faulty_dynamodb import Fault, FaultyDynamoDb
from tests.faults.service import Service
from tests.integration.push.hostile_server import OK, Behaviour, answer, reset, say_and_hang_up

CLIENTS = [f"client{number}=" for number in range(6)]
TROUBLES: list[Behaviour] = [answer(429), answer(500), answer(503), reset, say_and_hang_up(b"HTTP/1.1 20")]
QUICK = [one for one in Fault if one is not Fault.SILENT]
"""Silence is waited out for three seconds each time; it has a test of its own."""


class Chaos:
    """A night of faults, chosen by chance."""

    def __init__(
        self, service: Service, dynamodb: FaultyDynamoDb, chance: Random, *, kills: bool = True
    ) -> None:
        self.service = service
        self.dynamodb = dynamodb
        self.chance = chance
        self.session_id = 0
        self.games: list[str] = []
        self._happens = [self._add_game] * 4 + [self._trouble] * 2 + [self._store_fails] * 2
        self._happens += [self._deliver] * 3 + [self._work] * 3 + [self._twice] + [self._killed] * kills

    async def begin(self) -> None:
        self.session_id = await self.service.start()
        for client in CLIENTS:
            await self.service.join(client, self.session_id)
        await self.service.settle()

    async def round(self) -> None:
        await self.chance.choice(self._happens)()

    def _done(self) -> int:
        return self.dynamodb.asked + len(self.service.clients.server.requests)

    async def heal(self) -> None:
        """Let all faults be over, and redo what was given up, until there is nothing left to do."""
        self.dynamodb.fail()
        for client in CLIENTS:
            self.service.clients.behave(client, OK)
        for _ in range(5):
            await self.service.settle()
            redone = await asyncio.to_thread(
                redrive, self.service.operated(), lambda _: None, dry_run=False, patience=0
            )
            if not redone.jobs.found + redone.records.found:
                return
        raise AssertionError("what is to be redone never ends")

    async def _add_game(self) -> None:
        key = f"key{self.chance.random()}"
        for _ in range(20):
            try:
                self.games.append(await self.service.add_game(self.session_id, key))
            except GameNightError:
                continue  # 503 or 409: a host sends it again under the same key
            return

    async def _trouble(self) -> None:
        client, trouble = self.chance.choice(CLIENTS), self.chance.choice(TROUBLES)
        lasting = self.chance.choice([1, 4, 12, 60])
        self.service.clients.behave(client, *[trouble] * lasting, OK)

    async def _store_fails(self) -> None:
        self.dynamodb.fail(*(self.chance.choice(QUICK) for _ in range(self.chance.choice([1, 2, 8]))))

    async def _deliver(self) -> None:
        await self.service.deliver()

    async def _work(self) -> None:
        await self.service.work()

    async def _twice(self) -> None:
        await self.service.work(twice=True)

    async def _killed(self) -> None:
        """Kill a function at one of its awaits; what it was given comes again, to another environment."""
        working = asyncio.create_task(self.service.settle())
        moment = self._done() + self.chance.randrange(1, 40)
        # How much has happened at sockets can only be asked again.
        while not working.done() and self._done() < moment:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await self.service.replace_environment()

"""A night of faults, chosen by chance: what happens when, what it costs whom, and how all of it is over."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from random import Random
from typing import Any

from chalicelib.errors import GameNightError
from infra.deploy.operate.redrive import redrive
from tests.faults.clients import Follower
from tests.faults.dynamodb_refusals import Fault
from tests.faults.faulty_dynamodb import FaultyDynamoDb
from tests.faults.service import Service
from tests.integration.aws.hostile_server import GONE, OK, Behaviour, answer, never, reset, say_and_hang_up

TROUBLES: list[Behaviour] = [
    answer(403),
    answer(413),
    answer(429),
    answer(500),
    answer(503),
    reset,
    say_and_hang_up(b"HTTP/1.1 20"),
]
QUICK = [one for one in Fault if one is not Fault.SILENT]
"""Silence is waited out for three seconds each time: it happens once in a night."""

Happening = Callable[[], Coroutine[Any, Any, object]]


class Chaos:
    """A night of faults. ``games`` are those that a host was told of.

    ``followers`` resume, ``guests`` do not; all but the last guest went without a word. ``onlooker`` follows
    the night whose log has events that nobody can read.
    """

    def __init__(
        self, service: Service, dynamodb: FaultyDynamoDb, chance: Random, *, kills: bool = True
    ) -> None:
        self.service = service
        self.dynamodb = dynamodb
        self.chance = chance
        self.session_id = 0
        self.games: list[str] = []
        self.guests: list[str] = []
        self.followers = [Follower(service.clients, f"client{number}-") for number in range(6)]
        self.onlooker = Follower(service.clients, "onlooker-")
        self.other_night = 0
        self._unreadable: list[int] = []
        self._logged_elsewhere = 1
        self._often: list[Happening] = [*[self._add_game] * 4, *[self._trouble] * 2, *[self._store_fails] * 2]
        self._often += [self._deliver] * 3 + [self._work] * 3 + [self._twice] + [self._come_back] * 2
        self._often += [self._killed] * kills
        self._once: list[Happening] = [
            self._client_is_silent,
            self._clock_is_off,
            self._event_is_unreadable,
            self._guest_goes,
            self._records_come_late,
            self._records_come_twice,
            self._store_is_silent,
        ]

    async def begin(self) -> None:
        self.session_id = await self.service.start()
        self.other_night = await self.service.start()
        for follower in self._all():
            await self._follow(follower)
        await self._guest_comes()
        await self.service.settle()

    def night(self, rounds: int) -> Iterator[Happening]:
        """Yield what happens: so many rounds of what is frequent, and each of the rest once in between."""
        happenings = [self.chance.choice(self._often) for _ in range(rounds)] + self._once
        self.chance.shuffle(happenings)
        return iter(happenings)

    async def heal(self) -> None:
        """Let all faults be over, and redo what was given up, until there is nothing left to do."""
        self.dynamodb.fail()
        self.service.clock_is_off = 0
        for follower in self._all():
            if not self.service.clients.closed(follower.connection_id):
                self.service.clients.behave(follower.connection_id, OK)
        for sequence in self._unreadable:
            self._log_elsewhere(sequence, "game.added")
        self._unreadable.clear()
        for _ in range(10):
            await self.service.settle()
            redone = await asyncio.to_thread(
                redrive, self.service.operated(), lambda _: None, dry_run=False, patience=0
            )
            came_back = await self._come_back()
            if not (redone.jobs.found + redone.records.found + came_back):
                return
        raise AssertionError("what is to be redone never ends")

    def _all(self) -> list[Follower]:
        return [*self.followers, self.onlooker]

    async def _follow(self, follower: Follower) -> None:
        """Let a client connect and resume, on another connection each time until it is answered."""
        session_id = self.other_night if follower is self.onlooker else self.session_id
        cursors = follower.cursors()
        while True:
            try:
                await self.service.join(follower.connection_id, session_id, places=cursors)
            except GameNightError:
                self.service.clients.behave(follower.connection_id, GONE)
                follower.lives += 1
            else:
                return

    async def _come_back(self) -> int:
        """Let those come back who were closed; return how many they were."""
        closed = [one for one in self._all() if self.service.clients.closed(one.connection_id)]
        for follower in closed:
            follower.lives += 1
            await self._follow(follower)
        return len(closed)

    def _done(self) -> int:
        return self.dynamodb.asked + len(self.service.clients.server.requests)

    async def _persistently(self, ask: Callable[[], Awaitable[Any]]) -> bool:
        """Ask again after 503 or 409, as a host does under the same key. Say whether it was done."""
        for _ in range(20):
            try:
                await ask()
            except GameNightError:
                continue
            return True
        return False

    async def _add_game(self) -> None:
        key, added = f"key{self.chance.random()}", list[str]()

        async def add() -> None:
            added.append(await self.service.add_game(self.session_id, key))

        await self._persistently(add)
        self.games += added

    async def _trouble(self) -> None:
        client, trouble = self._somebody(), self.chance.choice(TROUBLES)
        lasting = self.chance.choice([1, 4, 12, 60])
        self.service.clients.behave(client, *[trouble] * lasting, OK)

    async def _client_is_silent(self) -> None:
        self.service.clients.behave(self._somebody(), *[never] * self.chance.choice([1, 4]), OK)
        await self._deliver_one_more()

    def _somebody(self) -> str:
        return self.chance.choice(self.followers).connection_id

    async def _guest_comes(self) -> None:
        """Let a client come that does not resume."""
        for _ in range(20):
            guest = f"guest{len(self.guests)}="
            self.guests.append(guest)
            with suppress(GameNightError):
                await self.service.join(guest, self.session_id)
                return
            self.service.clients.behave(guest, GONE)

    async def _guest_goes(self) -> None:
        """Let a client go without `$disconnect`, so that posts are answered 410, and come back as another."""
        self.service.clients.behave(self.guests[-1], GONE)
        await self._guest_comes()

    async def _store_fails(self) -> None:
        self.dynamodb.fail(*(self.chance.choice(QUICK) for _ in range(self.chance.choice([1, 2, 8]))))

    async def _store_is_silent(self) -> None:
        self.dynamodb.fail(Fault.SILENT)
        await self._deliver_one_more()

    async def _clock_is_off(self) -> None:
        self.service.clock_is_off = self.chance.choice([-60, 60])

    async def _event_is_unreadable(self) -> None:
        self._logged_elsewhere += 1
        self._log_elsewhere(self._logged_elsewhere, "game.exploded")
        self._unreadable.append(self._logged_elsewhere)

    def _log_elsewhere(self, sequence: int, event_type: str) -> None:
        """Put an event into the other night's log, where no code of ours would put it."""
        game = {"type": "game.added", "data": {"game": {"title": f"Unreadable {sequence}"}}}
        self.service.log_by_hand(self.other_night, sequence, event_type, json.dumps(game))

    async def _records_come_late(self) -> None:
        """Have all that waits in the stream be older than Lambda takes: it is given up, to be redone."""
        await self._add_game()
        self.service.hours_late = 1.1
        await self.service.deliver()
        self.service.hours_late = 0

    async def _records_come_twice(self) -> None:
        await self._add_game()
        await self.service.deliver(twice=True)

    async def _deliver_one_more(self) -> None:
        await self._add_game()
        await self._deliver()

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

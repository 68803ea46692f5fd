"""A night of faults, chosen by chance: what happens when, what it costs whom, and how all of it is over."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from random import Random
from typing import Any

from chalicelib.errors import GameNightError
from infra.operations.redrive import redrive
from tests.faults.faulty_dynamodb import Fault, FaultyDynamoDb
from tests.faults.service import Service, titles
from tests.integration.push.hostile_server import GONE, OK, Behaviour, answer, never, reset, say_and_hang_up

CLIENTS = [f"client{number}=" for number in range(6)]
WITNESS = "witness="
"""Follows the night whose log has events that nobody can read, and no other."""

TROUBLES: list[Behaviour] = [
    answer(403),
    answer(429),
    answer(500),
    answer(503),
    reset,
    say_and_hang_up(b"HTTP/1.1 20"),
]
TOO_LARGE = answer(413)
QUICK = [one for one in Fault if one is not Fault.SILENT]
"""Silence is waited out for three seconds each time: it happens once in a night."""

Happening = Callable[[], Coroutine[Any, Any, None]]


class Chaos:
    """A night of faults. ``games`` are those that a host was told of; ``gone`` the clients that went."""

    def __init__(
        self, service: Service, dynamodb: FaultyDynamoDb, chance: Random, *, kills: bool = True
    ) -> None:
        self.service = service
        self.dynamodb = dynamodb
        self.chance = chance
        self.session_id = 0
        self.games: list[str] = []
        self.guests: list[str] = []
        self.mended: list[str] = []
        self._other_night = 0
        self._unreadable: list[str] = []
        self._often: list[Happening] = [self._add_game] * 4 + [self._trouble] * 2 + [self._store_fails] * 2
        self._often += [self._deliver] * 3 + [self._work] * 3 + [self._twice] + [self._killed] * kills
        self._once: list[Happening] = [
            self._client_is_silent,
            self._clock_is_off,
            self._event_is_too_large,
            self._event_is_unreadable,
            self._guest_goes,
            self._records_come_late,
            self._records_come_twice,
            self._store_is_silent,
        ]

    async def begin(self) -> None:
        self.session_id = await self.service.start()
        self._other_night = await self.service.start()
        for client in CLIENTS:
            await self.service.join(client, self.session_id)
        await self.service.join(WITNESS, self._other_night)
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
        for client in CLIENTS:
            self.service.clients.behave(client, OK)
        for title in self._unreadable:
            self._log_elsewhere(title, "game.added")
            self.mended.append(title)
        self._unreadable.clear()
        for _ in range(5):
            await self.service.settle()
            redone = await asyncio.to_thread(
                redrive, self.service.operated(), lambda _: None, dry_run=False, patience=0
            )
            if not redone.jobs.found + redone.records.found:
                return
        raise AssertionError("what is to be redone never ends")

    def out_of_order(self) -> set[str]:
        """Return the games that were given up as records: a redrive delivers them after what has followed."""
        return {*titles([json.loads(one) for one in self.service.given_up_envelopes])}

    def refused(self, client: str) -> set[str]:
        """Return the games that a client never took, for they were too large."""
        heard = titles(self.service.clients.heard(client))
        return {*titles(self.service.clients.answered(client, TOO_LARGE))} - {*heard}

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
        client, trouble = self.chance.choice(CLIENTS), self.chance.choice(TROUBLES)
        lasting = self.chance.choice([1, 4, 12, 60])
        self.service.clients.behave(client, *[trouble] * lasting, OK)

    async def _client_is_silent(self) -> None:
        self.service.clients.behave(self.chance.choice(CLIENTS), *[never] * self.chance.choice([1, 4]), OK)
        await self._deliver_one_more()

    async def _event_is_too_large(self) -> None:
        self.service.clients.behave(self.chance.choice(CLIENTS), TOO_LARGE, OK)
        await self._deliver_one_more()

    async def _guest_comes(self) -> None:
        guest = f"guest{len(self.guests)}="
        if await self._persistently(lambda: self.service.join(guest, self.session_id)):
            self.guests.append(guest)

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
        title = f"Unreadable {len(self.mended)}"
        self._log_elsewhere(title, "game.exploded")
        self._unreadable.append(title)

    def _log_elsewhere(self, title: str, event_type: str) -> None:
        """Put an event into the other night's log, where no code of ours would put it."""
        sequence = 2 + int(title.rpartition(" ")[2])
        game = {"type": "game.added", "data": {"game": {"title": title}}}
        self.service.log_by_hand(self._other_night, sequence, event_type, json.dumps(game))

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

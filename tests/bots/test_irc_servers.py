"""The IRC bot on four real IRC servers, each with its own limits: what happens to it there, and what it does.

Everything that it waits for goes by the servers' time, which is a fast one.
"""

import asyncio
import logging
import math
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from gamenight import GameNight, MemoryCursors, Surroundings
from irc_bot import PACE_SECONDS, Bot, Chat

from tests.bots.irc_server import IRCDS, SPEED, IrcServer, Person, irc_server, person
from tests.bots.listening import PATIENCE_SECONDS
from tests.clients import Host, Target

TIMEOUT_SECONDS = 30.0
"""Waits as long as this one are for servers that don't answer. A test machine may be slow."""

LONG_RESULTS = [f"{number}. {'A game with a long title ' * 4}: +2 (2 up, 0 down)" for number in range(1, 41)]

STRICT = [name for name, kind in IRCDS.items() if kind.strict]


class Fast(Surroundings):
    """The servers' time, but for waits that are long."""

    def __init__(self, long: float = TIMEOUT_SECONDS) -> None:
        self._long = long

    def monotonic(self) -> float:
        return super().monotonic() * SPEED

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds if seconds >= self._long else seconds / SPEED)


@pytest.fixture(params=IRCDS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[IrcServer]:
    async with irc_server(tmp_path, request.param) as server:
        yield server


@pytest.fixture
async def alice(server: IrcServer) -> AsyncIterator[Person]:
    async with person(server, "alice") as alice:
        yield alice


class Log(logging.Handler):
    """What the bot has logged."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._lines: list[str] = []
        self._came = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())
        self._loop.call_soon_threadsafe(self._came.set)

    def count(self, wanted: str) -> int:
        return sum(wanted in line for line in self._lines)

    async def has(self, wanted: str, count: int = 1) -> None:
        """Wait until so many lines hold a text."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self.count(wanted) < count:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError("\n".join([f"{wanted!r} was not logged, but:", *self._lines])) from None


@pytest.fixture
async def log(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Log]:
    caplog.set_level(logging.INFO)
    log = Log()
    logging.getLogger().addHandler(log)
    yield log
    logging.getLogger().removeHandler(log)


@asynccontextmanager
async def chat_on(
    server: IrcServer, nickname: str = "Nightly", time: Surroundings | None = None
) -> AsyncIterator[Chat]:
    chat = Chat(server.kind.channel, PACE_SECONDS, time or Fast())
    staying = asyncio.create_task(chat.stay("127.0.0.1", server.port, nickname, tls=False, password=None))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield chat
    finally:
        staying.cancel()
        await asyncio.gather(staying, return_exceptions=True)


@asynccontextmanager
async def bot_on(server: IrcServer, target: Target, host: Host, log: Log) -> AsyncIterator[None]:
    now = MemoryCursors({"sessions": (await host.read("/api/sessions", newest=1))["cursor"]})
    async with chat_on(server) as chat:
        bot = Bot(GameNight(target.rest_url, target.token("bot"), cursors=now), chat)
        tasks = [asyncio.create_task(bot.announce()), asyncio.create_task(bot.take_votes())]
        try:
            await log.has(f"in {server.kind.channel} as Nightly")
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_night_is_announced_voted_on_and_told_results(
    server: IrcServer, alice: Person, log: Log, target: Target, host: Host
) -> None:
    async with bot_on(server, target, host, log):
        night = (await host.start())["id"]
        await host.add_game(night, "Quiplash 3")
        announced = await alice.hears(3)
        alice.says("\x02thisgame++\x02!")
        await log.has("alice votes up for Quiplash 3")
        await host.close(night)
        results = await alice.hears(3)

    assert announced[2] == "🎲 New game: Quiplash 3"
    assert results[2] == "1. Quiplash 3: +1 (1 up, 0 down)"


async def test_a_nickname_that_is_taken_and_too_long_is_made_another(server: IrcServer, log: Log) -> None:
    longest = "Nightly".ljust(server.kind.nickname_characters, "y")
    async with person(server, longest) as other, chat_on(server, f"{longest}y") as chat:
        await chat.says(["hello"])
        said = await other.reads(" :hello")

    assert said.startswith(":Nightly")
    assert not said.startswith(f":{longest}!")
    await log.has("the nickname is refused")


async def test_it_is_back_when_a_ban_ends(server: IrcServer, alice: Person, log: Log) -> None:
    async with chat_on(server) as chat:
        await chat.says(["before"])
        alice.sends(f"MODE {alice.channel} +b Nightly!*@*")
        alice.sends(f"KICK {alice.channel} Nightly :out")
        await log.has(f"not let into {alice.channel}", 2)
        saying = asyncio.create_task(chat.says(["after"]))
        alice.sends(f"MODE {alice.channel} -b Nightly!*@*")
        await saying
        heard = await alice.hears(2)

    assert heard == ["before", "after"]


async def test_a_moderated_channel_is_told_later(server: IrcServer, alice: Person, log: Log) -> None:
    async with chat_on(server) as chat:
        await chat.says(["before"])
        alice.sends(f"MODE {alice.channel} +m")
        await alice.reads("+m")
        saying = asyncio.create_task(chat.says(["after"]))
        await log.has(f"{alice.channel} has not taken a line", 2)
        alice.sends(f"MODE {alice.channel} -m")
        await saying
        heard = await alice.hears()

    assert heard == ["after"]


@pytest.mark.parametrize("server", ["inspircd"], indirect=True)
async def test_it_is_back_after_a_forced_part(server: IrcServer, alice: Person, log: Log) -> None:
    async with chat_on(server) as chat:
        await chat.says(["before"])
        alice.sends("OPER tests secret\r\nSAPART Nightly #games :away with you")
        await log.has("removed from #games")
        await chat.says(["after"])
        heard = await alice.hears(2)

    assert heard == ["before", "after"]


async def test_it_is_back_when_the_server_is(server: IrcServer, log: Log) -> None:
    async with chat_on(server) as chat:
        await chat.says(["before"])
        await server.end()
        await log.has(f"not on 127.0.0.1:{server.port}")
        saying = asyncio.create_task(chat.says(["after"]))
        await server.start()
        await saying


@pytest.mark.parametrize("server", ["ngircd"], indirect=True)
async def test_what_a_silent_server_has_not_taken_is_said_again(
    server: IrcServer, alice: Person, log: Log
) -> None:
    async with chat_on(server, time=Fast(long=math.inf)) as chat:
        await chat.says(["before"])
        server.gets(signal.SIGSTOP)
        saying = asyncio.create_task(chat.says(["after"]))
        await log.has("has not taken a line (no answer)")
        server.gets(signal.SIGCONT)
        await saying
        while "after" not in await alice.hears():
            pass

    await log.has(f"in {alice.channel} as Nightly", 2)


@pytest.mark.slow
@pytest.mark.parametrize("server", STRICT, indirect=True)
async def test_forty_results_are_no_flood_though_they_would_be_at_once(
    server: IrcServer, alice: Person, log: Log
) -> None:
    async with chat_on(server) as chat:
        await chat.says(LONG_RESULTS)
        heard = await alice.hears(40)

    async with person(server, "bob") as bob:
        for line in LONG_RESULTS * 10:
            bob.says(line)
        while not (await alice.reads(" QUIT ")).startswith(":bob!"):
            pass

    assert heard == LONG_RESULTS
    assert log.count(f"in {alice.channel} as Nightly") == 1


@pytest.mark.parametrize(
    "server", [name for name in IRCDS if name != "ircd"], indirect=True
)  # too few may enter
async def test_fifty_votes_in_a_second_are_all_counted(
    server: IrcServer, log: Log, target: Target, host: Host
) -> None:
    night = (await host.start())["id"]
    await host.add_game(night, "Quiplash 3")
    async with bot_on(server, target, host, log), AsyncExitStack() as present:
        entering = [present.enter_async_context(person(server, f"p{number}")) for number in range(50)]
        people = await asyncio.gather(*entering)
        for somebody in people:
            somebody.says("thisgame++")
        await log.has("votes up for Quiplash 3", 50)
    closed = await host.close(night)
    votes = [event["data"]["vote"] for event in await host.polled(night) if event["type"] == "vote.received"]

    assert sorted(vote["username"] for vote in votes) == sorted(f"p{number}" for number in range(50))
    assert (await host.read(f"/api/sessions/{night}"))["games"][0]["totals"]["upvotes"] == 50
    assert closed["id"] == night

"""What the IRC bot does where a server refuses, forgets or loses it, by a scripted server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from irc_bot import Chat, _nicknames

from tests.bots.bot import FakeTime
from tests.bots.fake_irc_server import FakeIrcServer, Refuse, fake_irc_server
from tests.bots.listening import PATIENCE_SECONDS
from tests.sockets import listening

LONG = 30.0


class Time(FakeTime):
    """Short waits are over at once, and ``slept`` has them in order; longer ones need ``passes``."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        if 0 < seconds < LONG:
            self.slept.append(seconds)
            self._time += seconds
            await asyncio.sleep(0.001)
        else:
            await super().sleep(seconds)


@dataclass
class InChannel:
    chat: Chat
    time: Time
    server: FakeIrcServer


@asynccontextmanager
async def chat_on(refuse: Refuse = lambda *_: None, nickname: str = "GameNight") -> AsyncIterator[InChannel]:
    """Have a chat stay on a server that refuses what a test wants."""
    time = Time()
    chat = Chat("#games", 2.0, time)
    async with fake_irc_server(refuse) as server:
        staying = asyncio.create_task(chat.stay("127.0.0.1", server.port, nickname, tls=False, password=None))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield InChannel(chat, time, server)
        finally:
            staying.cancel()
            await asyncio.gather(staying, return_exceptions=True)


def times(count: int, command: str, answer: str) -> Refuse:
    """Refuse a command so many times."""
    left = iter([answer] * count)
    return lambda _, got, __: next(left, None) if got == command else None


def nicknames_of(server: FakeIrcServer) -> list[str]:
    return [line.removeprefix("NICK ") for line in server.lines if line.startswith("NICK ")]


@pytest.mark.parametrize("number", ["432", "433", "436", "437"])
async def test_a_nickname_is_tried_in_other_forms(number: str, caplog: pytest.LogCaptureFixture) -> None:
    taken = times(3, "NICK", f":irc.test {number} * GameNight :No")

    async with chat_on(taken) as irc:
        await irc.server.gets("JOIN")

    tried = nicknames_of(irc.server)
    assert (tried[0], len(tried), len({*tried})) == ("GameNight", 4, 4)
    assert max(map(len, tried)) <= 9
    assert irc.time.slept[:3] == [2.0] * 3
    assert caplog.text.count(f"the nickname is refused (GameNight No ({number}))") == 3


async def test_a_server_that_cuts_nicknames_is_not_asked_without_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def cuts(_: FakeIrcServer, command: str, arguments: list[str]) -> str | None:
        return f":irc.test 433 * {arguments[0][:9]} :In use" if command == "NICK" else None

    async with chat_on(cuts) as irc:
        await irc.server.gets("USER", 3)

    assert len(nicknames_of(irc.server)) <= 10 * irc.server.connections
    assert "no nickname like GameNight is to be had" in caplog.text
    assert "next attempt in" in caplog.text


@pytest.mark.parametrize(
    ("wanted", "first"),
    [
        ("GameNightBot", "GameNight"),
        ("alice", "alice_"),
        ("Spieleabend für alle", "Spieleabe"),
        ("7up", "up"),
    ],
)
def test_a_nickname_that_no_server_takes_is_mended(wanted: str, first: str) -> None:
    names = [*_nicknames(wanted)]

    assert names[0] == first
    assert len({*names}) == len(names) < 10
    assert max(map(len, names)) <= 9


async def test_a_server_that_lets_nobody_in_is_left(caplog: pytest.LogCaptureFixture) -> None:
    async with chat_on(lambda *_: "NOTICE * :Looking up your host") as irc:
        await irc.server.gets("USER")
        irc.server.refuse = lambda *_: None
        for _ in range(2):
            irc.server.tells("NOTICE * :Looking up your host")
            await irc.time.passes(30)
        await irc.server.gets("JOIN")

    assert irc.server.connections == 2
    assert "the server has not let the bot in within 60 s" in caplog.text


REFUSALS = ["403", "405", "437", "471", "473", "474", "475", "476", "477", "489", "520"]


@pytest.mark.parametrize("number", REFUSALS)
async def test_the_channel_is_tried_again_whatever_the_refusal(
    number: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat_on(times(4, "JOIN", f":irc.test {number} GameNight #Games :Go away")) as irc:
        await irc.chat.says(["hello"])

    assert irc.server.lines.count("JOIN #games") == 5
    assert [seconds for seconds in irc.time.slept if seconds in (0.5, 1, 2, 4)] == [0.5, 1, 2, 4]
    assert caplog.text.count(f"not let into #games: #Games Go away ({number})") == 4
    assert irc.server.said == ["hello"]


AWAY = {
    "kicked": ":op!o@test KICK #games GameNight :out",
    "removed": ":GameNight!bot@test PART #games :removed by op",
    "removed in another case": ":GameNight!bot@test PART #GAMES",
    "told so by nobody": ":irc.test 442 GameNight #games :You're not on that channel",
}


@pytest.mark.parametrize("name", AWAY)
async def test_it_comes_back_into_the_channel(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with chat_on() as irc:
        await irc.chat.says(["before"])
        irc.server.tells(AWAY[name])
        await irc.server.gets("JOIN", 2)
        await irc.chat.says(["after"])

    assert irc.server.said == ["before", "after"]
    assert "#games" in caplog.text


REFUSED = {
    "moderated": (":irc.test 404 GameNight #games :Cannot send to channel", "#games has not taken a line"),
    "throttled": (
        ":irc.test NOTICE GameNight :*** Message to #games throttled due to flooding",
        "#games has not taken a line (*** Message to #games throttled",
    ),
    "not in it": (":irc.test 442 GameNight #games :You're not on that channel", "no longer in #games"),
    "no such channel": (":irc.test 403 GameNight #games :No such channel", "no longer in #games"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_line_that_is_refused_is_said_again(name: str, caplog: pytest.LogCaptureFixture) -> None:
    answer, logged = REFUSED[name]
    async with chat_on(times(3, "PRIVMSG", answer)) as irc:
        await irc.chat.says(["hello"])

    assert irc.server.said == ["hello"] * 4
    assert irc.server.lines.count("JOIN #games") >= 4
    assert logged in caplog.text


async def test_a_line_is_not_done_before_the_server_has_it() -> None:
    async with chat_on() as irc:
        await irc.chat.says(["before"])
        irc.server.deaf = True
        saying = asyncio.create_task(irc.chat.says(["hello"]))
        await irc.server.gets("PING", 2)
        assert not saying.done()
        irc.server.deaf = False
        await irc.time.passes(30)
        await saying

    assert irc.server.connections == 2
    assert irc.server.said == ["before", "hello", "hello"]


async def test_a_silent_connection_is_left_in_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with chat_on() as irc:
        await irc.chat.says(["before"])
        irc.server.deaf = True
        await irc.time.passes(30)
        await irc.server.gets("PING gamenight")
        await irc.time.passes(30)
        irc.server.deaf = False
        await irc.server.gets("JOIN", 2)

    assert "the server has said nothing for" in caplog.text


async def test_a_connection_that_does_not_open_is_given_up() -> None:
    async def says_nothing(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    time = Time()
    async with listening(says_nothing) as port:
        chat = Chat("#games", 2.0, time)
        staying = asyncio.create_task(chat.stay("127.0.0.1", port, "GameNight", tls=True, password=None))
        for _ in range(2):
            await time.passes(30)
        staying.cancel()
        await asyncio.gather(staying, return_exceptions=True)


async def test_forty_games_are_no_flood() -> None:
    """The server counts two seconds a message, ten ahead at most (RFC 2813), and by bytes as irc2 does."""
    clock: list[Time] = []
    ahead: list[float] = []
    since = 0.0

    def counts(server: FakeIrcServer, *_: object) -> None:
        nonlocal since
        now = clock[0].monotonic() if clock else 0.0
        since = max(since, now) + 2 + len(server.lines[-1]) / 100
        ahead.append(since - now)

    lines = [f"{number}. {'A game with a long title ' * 6}: +2 (2 up, 0 down)" for number in range(1, 41)]
    async with chat_on(counts) as irc:
        clock.append(irc.time)
        await irc.chat.says(lines)

    assert irc.server.said == lines
    assert max(ahead) <= 10


async def test_what_is_told_to_one_is_one_line() -> None:
    async with chat_on() as irc:
        await irc.chat.says(["before"])
        await irc.chat.tells("alice", "Your vote\r\nQUIT :does not count")

    assert "NOTICE alice :Your vote QUIT :does not count" in irc.server.lines

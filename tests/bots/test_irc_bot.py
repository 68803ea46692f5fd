"""The IRC bot as a process, between a real IRC server and the local gateway."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from irc_bot import _pieces

from tests.bots.irc_server import IrcServer, Person, irc_server, person
from tests.bots.programs import Program, python, running
from tests.clients import Host, Target

Start = Callable[..., AbstractAsyncContextManager[Program]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[IrcServer]:
    async with irc_server(tmp_path) as server:
        yield server


@pytest.fixture
async def alice(server: IrcServer) -> AsyncIterator[Person]:
    async with person(server, "alice") as alice:
        yield alice


@pytest.fixture
def start(server: IrcServer, target: Target, tmp_path: Path) -> Start:
    @asynccontextmanager
    async def started() -> AsyncIterator[Program]:
        options = ["--port", str(server.port), "--nick", "Nightly", "--pace", "0.01"]
        command = python("irc_bot.py", target.rest_url, "127.0.0.1", "#games", *options)
        async with running(command, {"GAMENIGHT_TOKEN": target.token("bot")}, tmp_path) as program:
            await program.prints("in #games as Nightly")
            await program.prints("authenticated as bot (bot)")
            yield program

    return started


async def test_a_night_is_announced_voted_on_and_told_results(
    start: Start, server: IrcServer, alice: Person, host: Host
) -> None:
    async with start() as program, person(server, "bob") as bob:
        night = (await host.start("Friday\nGame  Night"))["id"]
        announced = await alice.hears(3)
        await host.add_game(night, "Quiplash 3")
        announced += await alice.hears()
        alice.says("\x02thisgame++\x02!")
        alice.says("It said: Vote with thisgame++ or thisgame-- during games!")
        bob.says("I say thisgame—\u200b")
        await program.prints("alice votes up for Quiplash 3")
        await program.prints("bob votes down for Quiplash 3")
        await host.add_game(night, "Fibbage 4")
        announced += await alice.hears()
        alice.says("THISGAME++ !")
        await program.prints("alice votes up for Fibbage 4")
        await host.close(night)
        results = await alice.hears(4)

    assert announced == [
        f"🎮 Game Night has started! Session #{night}",
        "📝 Friday Game Night",
        "🗳️ Vote with thisgame++ or thisgame-- during games!",
        "🎲 New game: Quiplash 3",
        "🎲 New game: Fibbage 4",
    ]
    assert results == [
        f"🌙 Session {night} ended!",
        "📊 Games played: 2",
        "1. Fibbage 4: +1 (1 up, 0 down)",
        "2. Quiplash 3: 0 (1 up, 1 down)",
    ]


async def test_a_vote_that_does_not_count_is_told(start: Start, alice: Person, host: Host) -> None:
    async with start():
        night = (await host.start())["id"]
        await alice.hears(2)
        alice.says("thisgame++")
        told = await alice.reads("NOTICE alice :")
        await host.close(night)

    assert f"Your vote does not count: Session {night} has no game yet." in told


async def test_what_was_missed_is_announced_after_a_restart(start: Start, alice: Person, host: Host) -> None:
    async with start():
        night = (await host.start())["id"]
        await alice.hears(2)
        await host.add_game(night, "Quiplash 3")
        await alice.hears()
    await host.add_game(night, "Fibbage 4")

    async with start() as program:
        await host.add_game(night, "Drawful 2")
        announced: list[str] = []
        while "🎲 New game: Drawful 2" not in announced:
            announced += await alice.hears()
        alice.says("thisgame++")
        await program.prints("alice votes up for Drawful 2")
        await host.close(night)

    assert announced[-2:] == ["🎲 New game: Fibbage 4", "🎲 New game: Drawful 2"]


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("no-token", "The service refused the token:"),
        ("not a token", "What was given can't be a token"),
        ("", "There is no token. Put one"),
    ],
)
async def test_a_useless_token_ends_the_bot(target: Target, tmp_path: Path, token: str, said: str) -> None:
    command = python("irc_bot.py", target.rest_url, "127.0.0.1", "#games", "--port", "1")
    async with running(command, {"GAMENIGHT_TOKEN": token}, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert printed.splitlines()[-1].startswith(said)
    assert not token or token not in printed


def test_a_long_text_is_said_in_pieces() -> None:
    notes = " ".join(["Zoë"] * 120)

    pieces = [*_pieces(notes)]

    assert " ".join(pieces) == notes
    assert all(len(piece.encode()) <= 400 for piece in pieces)

"""The IRC bot as a process, between a real IRC server and the local gateway."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bots.ircd import Ircd, Person, ircd, person
from tests.bots.programs import Program, python, running
from tests.clients import Host, Target

Start = Callable[[], AbstractAsyncContextManager[Program]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Ircd]:
    async with ircd(tmp_path) as server:
        yield server


@pytest.fixture
async def alice(server: Ircd) -> AsyncIterator[Person]:
    async with person(server, "alice") as alice:
        yield alice


@pytest.fixture
def start(server: Ircd, target: Target, tmp_path: Path) -> Start:
    @asynccontextmanager
    async def started() -> AsyncIterator[Program]:
        options = ["--port", str(server.port), "--nick", "Nightly", "--pace", "0.01"]
        command = python("irc_bot.py", target.rest_url, "127.0.0.1", "#games", *options)
        async with running(command, {"GAMENIGHT_TOKEN": target.token("bot")}, tmp_path) as program:
            await program.prints("in #games as Nightly")
            yield program

    return started


async def post(host: Host, session: Any, what: str, body: Any = None) -> None:
    answer = await host.http.post(f"/api/sessions/{session['id']}/{what}", json=body or {})
    assert answer.status_code < 300, answer.text


async def test_a_night_is_announced_voted_on_and_told_the_results_of(
    start: Start, server: Ircd, alice: Person, host: Host
) -> None:
    async with start() as program, person(server, "bob") as bob:
        await program.prints("authenticated as bot (bot)")
        session = await host.start("Friday\nGame  Night")
        announced = await alice.hears(3)
        await post(host, session, "games", {"title": "Quiplash 3"})
        announced += await alice.hears()
        alice.says("thisgame++")
        bob.says("I say thisgame--")
        await program.prints("alice votes up for Quiplash 3")
        await program.prints("bob votes down for Quiplash 3")
        await post(host, session, "games", {"title": "Fibbage 4"})
        announced += await alice.hears()
        alice.says("THISGAME++ !")
        await program.prints("alice votes up for Fibbage 4")
        await post(host, session, "close")
        results = await alice.hears(4)

    assert announced == [
        f"🎮 Game Night has started! Session #{session['id']}",
        "📝 Friday Game Night",
        "🗳️ Vote with thisgame++ or thisgame-- during games!",
        "🎲 New game: Quiplash 3",
        "🎲 New game: Fibbage 4",
    ]
    assert results == [
        f"🌙 Session {session['id']} ended!",
        "📊 Games played: 2",
        "1. Fibbage 4: +1 (1 up, 0 down)",
        "2. Quiplash 3: 0 (1 up, 1 down)",
    ]


async def test_a_vote_that_does_not_count_is_told_to_who_cast_it(
    start: Start, alice: Person, host: Host
) -> None:
    async with start() as program:
        await program.prints("authenticated as bot (bot)")
        session = await host.start()
        await alice.hears(2)
        alice.says("thisgame++")
        told = await alice.reads("NOTICE alice :")
        await post(host, session, "close")

    assert told.endswith(
        f"Your vote does not count: Session {session['id']} has no game yet. Vote once game.added has come."
    )


async def test_what_was_missed_is_announced_when_the_bot_is_started_again(
    start: Start, alice: Person, host: Host
) -> None:
    async with start() as program:
        await program.prints("authenticated as bot (bot)")
        first = await host.start()
        await alice.hears(2)
        await post(host, first, "games", {"title": "Quiplash 3"})
        await alice.hears()
    await post(host, first, "games", {"title": "Fibbage 4"})

    async with start() as program:
        await post(host, first, "games", {"title": "Drawful 2"})
        announced: list[str] = []
        while "🎲 New game: Drawful 2" not in announced:
            announced += await alice.hears()
        alice.says("thisgame++")
        await program.prints("alice votes up for Drawful 2")
        await post(host, first, "close")

    assert announced[-2:] == ["🎲 New game: Fibbage 4", "🎲 New game: Drawful 2"]


async def test_the_bot_comes_back_when_the_irc_server_does_and_says_what_it_had_to_say(
    start: Start, server: Ircd, host: Host
) -> None:
    async with start() as program:
        await program.prints("authenticated as bot (bot)")
        await server.end()
        await program.prints(f"not on 127.0.0.1:{server.port}")
        session = await host.start()
        await server.start()
        async with person(server, "alice") as alice:
            await program.prints("in #games as Nightly")
            announced = await alice.hears(2)
        await post(host, session, "close")

    assert announced[0] == f"🎮 Game Night has started! Session #{session['id']}"


async def test_a_name_that_is_taken_gets_a_tail(server: Ircd, target: Target, tmp_path: Path) -> None:
    command = python(
        "irc_bot.py", target.rest_url, "127.0.0.1", "#games", "--port", str(server.port), "--nick", "alice"
    )
    async with (
        person(server, "alice"),
        running(command, {"GAMENIGHT_TOKEN": target.token("bot")}, tmp_path) as program,
    ):
        assert await program.prints("in #games as alice_")


async def test_a_token_that_is_refused_ends_the_bot_with_what_to_do(
    server: Ircd, target: Target, tmp_path: Path
) -> None:
    command = python("irc_bot.py", target.rest_url, "127.0.0.1", "#games", "--port", str(server.port))
    async with running(command, {"GAMENIGHT_TOKEN": "not a token"}, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert printed.splitlines()[-1].startswith("The service refused the token:")
    assert "not a token" not in printed


async def test_without_a_token_the_bot_says_where_to_put_it(tmp_path: Path) -> None:
    command = python("irc_bot.py", "http://localhost:5000", "127.0.0.1", "#games")
    async with running(command, {"GAMENIGHT_TOKEN": ""}, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert "Put one into GAMENIGHT_TOKEN" in printed


async def test_the_line_is_not_flooded_by_a_long_text(start: Start, alice: Person, host: Host) -> None:
    async with start() as program:
        await program.prints("authenticated as bot (bot)")
        notes = " ".join(["Zoë"] * 120)
        session = await host.start(notes)
        heard = await alice.hears(4)
        await post(host, session, "close")

    assert " ".join(heard[1:3]) == f"📝 {notes}"
    assert all(len(line.encode()) <= 400 for line in heard)

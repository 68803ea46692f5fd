"""Every command of ``docs/bots.md``, run as it stands there, with the test's own addresses filled in."""

import asyncio
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bots.discord_api import DiscordApi
from tests.bots.ircd import ircd, person
from tests.bots.programs import Program, running
from tests.clients import Host, Target
from tests.gateway import ROOT

TEXT = (ROOT / "docs" / "bots.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [text for language, text in BLOCKS if language == "sh"]

RUN, LISTEN, START, INSTALL, OWN_BOT, IRC, DISCORD, TOKEN = range(8)
"""The commands, by their place in the text."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like a checkout, and where a bot may leave its positions."""
    (tmp_path / "bots").symlink_to(ROOT / "bots")
    return tmp_path


@pytest.fixture
async def discord() -> AsyncIterator[DiscordApi]:
    async with DiscordApi().serving() as discord:
        yield discord


def shell(number: int, target: Target, replaced: dict[str, str] | None = None) -> list[str | Path]:
    """Return a command of the text as one to run: at the target, with its tokens."""
    mint = shlex.join([*target.token_command, "--role"])
    command = COMMANDS[number]
    for shown, used in {
        "make -s token ROLE=admin": f"cd {ROOT} && {mint} admin",
        "'make -s token'": shlex.quote(f"{sys.executable} mint.py"),
        "make -s token": f"cd {ROOT} && {mint} bot",
        "ws://localhost:5000/api/sessions/live": target.websocket_url,
        "http://localhost:5000": target.rest_url,
        **(replaced or {}),
    }.items():
        command = command.replace(shown, used)
    return ["bash", "-euc", command]


def environment(target: Target, folder: Path) -> dict[str, str]:
    """Return what a reader's terminal has by then: the tools, and a token."""
    command = [*target.token_command, "--role", "bot"]
    program = f"import subprocess\nsubprocess.run({command!r}, cwd={str(ROOT)!r})\n"
    (folder / "mint.py").write_text(program)
    tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": tools, "GAMENIGHT_TOKEN": target.token("bot")}


async def ran(program: Program) -> str:
    status, printed = await program.ends()
    assert status == 0, printed
    return printed


async def end_of_all(host: Host, *session_ids: int) -> None:
    for session_id in session_ids:
        await host.http.post(f"/api/sessions/{session_id}/close")


def test_all_commands_are_known() -> None:
    assert len(COMMANDS) == 8
    assert COMMANDS[RUN] == "make run\n"  # what the fixture ``gateway`` does, on another port
    assert "\nrun:" in (ROOT / "Makefile").read_text()
    assert "\ntoken:" in (ROOT / "Makefile").read_text()


async def test_the_listener_prints_the_night_that_curl_starts(target: Target, folder: Path) -> None:
    terminal = environment(target, folder)
    async with running(shell(LISTEN, target), terminal, folder) as listener:
        await listener.prints("Listening as bot")
        async with running(shell(START, target), terminal, folder) as curl:
            answer = await ran(curl)

        started = await listener.prints('"notes":"Friday Game Night"')
        await listener.prints('"type":"subscribed"')

    assert '"type":"session.started"' in started
    assert '"is_active":1' in answer


async def test_the_bot_of_the_text_is_a_whole_bot(target: Target, host: Host, folder: Path) -> None:
    terminal = environment(target, folder)
    text = next(text for language, text in BLOCKS if language == "python")
    (folder / "my_bot.py").write_text(text.replace("http://localhost:5000", target.rest_url))
    # Beside the checkout's own packages; pip's switch for "no isolation" is a 0.
    pip = {"PIP_TARGET": str(folder / "site"), "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    async with running(shell(INSTALL, target), {**terminal, **pip}, folder) as installing:
        await ran(installing)
    terminal["PYTHONPATH"] = str(folder / "site")

    async with running(shell(OWN_BOT, target), terminal, folder) as bot:
        first = await first_night(folder, host, bot)
    missed = await host.start()
    await host.http.post(f"/api/sessions/{missed['id']}/games", json={"title": "Quiplash 3"})
    async with running(shell(OWN_BOT, target), terminal, folder) as bot:
        await bot.prints(f"🎮 Game Night has started! Session #{missed['id']}")
        await bot.prints("🎲 New game: Quiplash 3")
        await bot.prints("🗳️ It stands at +1 with my vote")
    await end_of_all(host, first, missed["id"])


async def first_night(folder: Path, host: Host, bot: Program) -> int:
    """Start a night once the bot has a position, and return it once the bot has told of it."""
    while not (folder / "my-bot.json").exists():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.02)
    session = await host.start()
    await bot.prints(f"🎮 Game Night has started! Session #{session['id']}")
    return int(session["id"])


async def test_the_irc_bot_is_started_as_the_text_says(target: Target, host: Host, folder: Path) -> None:
    async with ircd(folder) as server, person(server, "alice") as alice:
        here = {" localhost '#games'": f" 127.0.0.1 '#games' --port {server.port} --nick Nightly"}
        async with running(shell(IRC, target, here), environment(target, folder), folder) as bot:
            await bot.prints("authenticated as bot")
            session = await host.start()
            announced = await alice.hears(1)
    await end_of_all(host, session["id"])

    assert announced == [f"🎮 Game Night has started! Session #{session['id']}"]


async def test_the_discord_bot_is_started_as_the_text_says(
    target: Target, host: Host, folder: Path, discord: DiscordApi
) -> None:
    here = {"https://discord.com/api/webhooks/...": discord.webhook}
    async with running(shell(DISCORD, target, here), environment(target, folder), folder) as bot:
        await bot.prints("authenticated as bot")
        session = await host.start()
        message = await discord.takes()
    await end_of_all(host, session["id"])

    assert message.startswith(f"🎮 Game Night has started! Session #{session['id']}")


async def test_a_host_can_make_a_token_for_a_bot(target: Target, folder: Path) -> None:
    async with running(shell(TOKEN, target), environment(target, folder), folder) as curl:
        answer = await ran(curl)

    assert '"role":"bot"' in answer

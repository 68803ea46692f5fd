"""The commands of ``docs/bots.md``, run as it stands there, with the test's own addresses filled in."""

import asyncio
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.bots.programs import Program, running
from tests.clients import Host, Target
from tests.gateway import ROOT

BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "bots.md").read_text(), re.MULTILINE | re.DOTALL
)
COMMANDS = [text for language, text in BLOCKS if language == "sh"]

RUN, LISTEN, START, INSTALL, OWN_BOT, IRC, ANNOUNCE, ARCHIVE, REPORT, TOKEN = range(10)
"""The commands, by their place in the text."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like a checkout, and where a bot may leave its positions."""
    for name in ("bots", "clients"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def shell(number: int, target: Target) -> list[str | Path]:
    """Return a command of the text as one to run: at the target, with its tokens."""
    mint = f"cd {ROOT} && {shlex.join([*target.token_command, '--role'])}"
    command = COMMANDS[number]
    for shown, used in {
        "make -s token ROLE=admin": f"{mint} admin",
        "make -s token": f"{mint} bot",
        "ws://localhost:5000/api/sessions/live": target.websocket_url,
        "http://localhost:5000": target.rest_url,
    }.items():
        command = command.replace(shown, used)
    return ["bash", "-euc", command]


def terminal(target: Target) -> dict[str, str]:
    """Return what a reader's terminal has by then: the tools, and a token."""
    tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": tools, "GAMENIGHT_TOKEN": target.token("bot")}


async def ran(program: Program) -> str:
    status, printed = await program.ends()
    assert status == 0, printed
    return printed


def test_all_commands_are_known() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert len(COMMANDS) == 10
    assert COMMANDS[RUN] == "make run\n"  # what the fixture ``gateway`` does, on another port
    # Their own tests start these.
    assert "python bots/listen.py ws://localhost:5000/api/sessions/live" in COMMANDS[LISTEN]
    started = {IRC: "irc_bot.py", ANNOUNCE: "announce.py", ARCHIVE: "archive.py keep"}
    for number, program in started.items():
        assert f"python bots/{program} http://localhost:5000" in COMMANDS[number]
        assert "--token-command 'make -s token'" in COMMANDS[number]
    assert COMMANDS[REPORT] == "python bots/archive.py report\n"
    assert "\nrun:" in makefile
    assert "\ntoken:" in makefile


async def test_the_bot_of_the_text_is_a_whole_bot(target: Target, host: Host, folder: Path) -> None:
    text = next(text for language, text in BLOCKS if language == "python")
    (folder / "my_bot.py").write_text(text.replace("http://localhost:5000", target.rest_url))
    # Beside the checkout's own packages; pip's switch for "no isolation" is a 0.
    pip = {"PIP_TARGET": str(folder / "site"), "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    async with running(shell(INSTALL, target), {**terminal(target), **pip}, folder) as installing:
        await ran(installing)
    environment = {**terminal(target), "PYTHONPATH": str(folder / "site")}

    async with running(shell(OWN_BOT, target), environment, folder) as bot:
        while not (folder / "my-bot.json").exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
        first = (await host.start())["id"]
        await bot.prints(f"🎮 Game Night has started! Session #{first}")
    missed = (await host.start())["id"]
    await host.add_game(missed, "Quiplash 3")
    async with running(shell(OWN_BOT, target), environment, folder) as bot:
        await bot.prints(f"🎮 Game Night has started! Session #{missed}")
        await bot.prints("🎲 New game: Quiplash 3")
        await bot.prints("🗳️ It stands at +1 with my vote")
    for night in (first, missed):
        await host.close(night)


async def test_a_host_can_make_a_token_for_a_bot(target: Target, folder: Path) -> None:
    async with running(shell(TOKEN, target), terminal(target), folder) as curl:
        answer = await ran(curl)

    assert '"role":"bot"' in answer

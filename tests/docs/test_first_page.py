"""What a newcomer pastes from the README, run as it stands: only the address is the test's."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bots.programs import Program, running
from tests.bots.server import Script, Server, gets, started
from tests.gateway import ROOT, Gateway
from tests.leaks import LEAKS

README = (ROOT / "README.md").read_text()
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal in ``folder`` where ``gamenight`` is on the PATH, and knows of ``gateway``."""

    folder: Path
    gateway: Gateway

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.folder}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}

    def here(self, text: str) -> str:
        """Return what is pasted, with this gateway's address and tokens."""
        address = self.gateway.rest_url.removeprefix("http://")
        text = text.replace("make -s token ROLE=admin", "gamenight token --role admin")
        return text.replace("make -s token", "gamenight token --role bot").replace("localhost:5000", address)

    def types(self, command: str) -> str:
        """Run a command; return what it prints, without its errors."""
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for token in re.findall(r"eyJ[\w.-]+", done.stdout):
            LEAKS.remember(token, "a token that was printed for whoever asked")
        return done.stdout


@pytest.fixture
def terminal(tmp_path: Path, gateway: Gateway) -> Terminal:
    command = shlex.join([sys.executable, "-m", "infra.cli"])
    script = tmp_path / "gamenight"
    script.write_text(f'#!/bin/sh\nexec {command} "$@" --state-dir {shlex.quote(str(gateway.state))}\n')
    script.chmod(0o755)
    return Terminal(tmp_path, gateway)


def lines(start: str) -> list[str]:
    """Return the README's lines for a shell that begin with a text."""
    blocks = "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
    found = [line for line in blocks.splitlines() if line.startswith(start)]
    assert found, f"the README shows no {start}"
    return found


def the_bot() -> str:
    [program] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert "async def bot" in program
    return str(program)


async def test_the_bot_hears_the_night_that_the_curl_starts(terminal: Terminal) -> None:
    (terminal.folder / "bot.py").write_text(terminal.here(the_bot()))
    started, *_ = lines("python bot.py")
    curl, *_ = lines("curl")

    command = ["bash", "-c", terminal.here(started)]
    async with running(command, terminal.environment, terminal.folder) as bot:
        await bot.prints("Authenticated")
        night = json.loads(terminal.types(curl))
        await bot.prints(f"Game Night #{night['id']} has started!")

    assert night["notes"] == "Friday Game Night"
    terminal.types(f"gamenight night end {night['id']}")


def test_the_bot_has_ten_lines() -> None:
    assert len([line for line in the_bot().splitlines() if line]) <= 10


@asynccontextmanager
async def the_bot_on(folder: Path, server: Server) -> AsyncIterator[Program]:
    """Run the bot on a server that a test scripts, without a delay between its attempts."""
    at_once = {"WEBSOCKETS_BACKOFF_INITIAL_DELAY": "0.01", "WEBSOCKETS_BACKOFF_MIN_DELAY": "0.01"}
    async with server.serving():
        program = the_bot().replace("localhost:5000", f"127.0.0.1:{server.port}")
        (folder / "bot.py").write_text(program)
        async with running([sys.executable, folder / "bot.py", "a token"], at_once, folder) as bot:
            yield bot


async def test_the_bot_ends_with_the_reason_why_it_is_refused(terminal: Terminal) -> None:
    (terminal.folder / "bot.py").write_text(terminal.here(the_bot()))
    command = ["bash", "-c", "python bot.py nonsense"]
    async with running(command, terminal.environment, terminal.folder) as bot:
        status, printed = await bot.ends()

    assert status == 1
    assert "token" in printed
    assert len(printed.splitlines()) == 1


async def test_the_bot_says_what_it_wants(tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(the_bot())
    async with running([sys.executable, tmp_path / "bot.py"], {}, tmp_path) as bot:
        assert await bot.ends() == (1, "Usage: python bot.py TOKEN\n")


async def test_the_bot_survives_refusals_and_odd_frames(tmp_path: Path) -> None:
    failed = {"message": "Internal server error", "connectionId": "x", "requestId": "y"}
    no_session = {"type": "session.started", "data": None}
    answer = {"type": "auth_success", "message": "Authenticated"}
    broken: list[Script] = [[gets("auth"), one] for one in (no_session, "null", "[]", "7", "<html>")]
    server = Server([*broken, [gets("auth"), answer, failed, {}, started(17)]], refusals=[429, 503])
    async with the_bot_on(tmp_path, server) as bot:
        await bot.prints("429")
        await bot.prints("Authenticated")
        await bot.prints("Game Night #17 has started!")

    assert (server.refusals, server.connections) == ([], 6)


async def test_the_bot_ends_quietly_by_ctrl_c(tmp_path: Path) -> None:
    answer = {"type": "auth_success", "message": "Authenticated"}
    async with the_bot_on(tmp_path, Server([[gets("auth"), answer]])) as bot:
        await bot.prints("Authenticated")
        bot.process.send_signal(signal.SIGINT)
        status, printed = await bot.ends()

    assert (status in {0, 130}, printed) == (True, "")


def test_the_commands_of_a_host_do_what_they_say(terminal: Terminal) -> None:
    said = [terminal.types(command) for command in lines("gamenight")]

    assert [text.splitlines()[0].split("#")[0].strip() for text in said] == [
        "🎮 Night",
        "🎲 Quiplash 3 is game 1 of night",
        "🗳️  Quiplash 3 stands at +1 (1 up, 0 down)",
        "",
        "🌙 Night",
    ]
    assert "1. Quiplash 3: +1 (1 up, 0 down)" in said[-1]

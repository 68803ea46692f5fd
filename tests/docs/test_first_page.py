"""What a newcomer pastes from the first pages, run as it stands: only the address is the test's."""

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
from tests.scenarios.clients import newer_node

README = (ROOT / "README.md").read_text()
HOSTING = (ROOT / "docs" / "hosting.md").read_text()
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
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


def lines(page: str, start: str) -> list[str]:
    """Return a page's lines for a shell that begin with a text."""
    blocks = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).replace("\\\n", " ")
    found = [line for line in blocks.splitlines() if line.startswith(start)]
    assert found, f"the page shows no {start}"
    return found


def program(page: str, language: str) -> str:
    """Return the one program of a page in a language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return str(found)


def test_the_readme_has_600_words_at_most() -> None:
    assert len(README.split()) <= 600


@pytest.mark.parametrize("command", ["make run", "make test"])
def test_the_readme_names_the_first_commands(command: str) -> None:
    assert re.search(rf"^{command}\b|`{command}`", README, re.MULTILINE)


@pytest.mark.parametrize(
    ("language", "file", "cursors"), [("python", "bot.py", "bot-py.json"), ("js", "bot.mjs", "bot-js.json")]
)
async def test_the_bot_of_five_lines_prints_what_it_missed(
    terminal: Terminal, language: str, file: str, cursors: str
) -> None:
    bot = terminal.folder / file
    bot.write_text(terminal.here(program(README, language)))
    (terminal.folder / cursors).write_text('{"sessions": ""}')  # as if it had run before
    (terminal.folder / "node_modules").mkdir()
    (terminal.folder / "node_modules" / "gamenight").symlink_to(ROOT / "clients" / "javascript")
    (terminal.folder / "node").symlink_to(newer_node())
    terminal.types("gamenight night start Friday && gamenight game add 'Quiplash 3'")

    [command] = [line for line in lines(README, "GAMENIGHT_TOKEN") if file in line]
    client = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'clients/python/src'}"}
    bash = ["bash", "-c", terminal.here(command)]
    async with running(bash, {**terminal.environment, **client}, terminal.folder) as started:
        await started.prints("Quiplash 3")

    terminal.types("gamenight night end")
    assert len([line for line in bot.read_text().splitlines() if line]) <= 5


def the_bot() -> str:
    """Return the bot without a library."""
    [program] = re.findall(r"```python\n(.*?)```", PROTOCOL, re.DOTALL)
    assert "async def bot" in program
    return str(program)


async def test_the_bot_hears_the_night_that_the_curl_starts(terminal: Terminal) -> None:
    (terminal.folder / "bot.py").write_text(terminal.here(the_bot()))
    started, *_ = lines(PROTOCOL, "python bot.py")
    curl, *_ = lines(PROTOCOL, "curl")

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
    said = {}
    for command in lines(HOSTING, "gamenight"):
        name = command.split("#")[0].strip()
        said[name] = terminal.types(command)
        if name == "gamenight invite":
            body = json.dumps({"code": said[name].split()[1], "name": "Zoë"})
            json_body = "-H 'Content-Type: application/json' -d"
            terminal.types(f"curl -fsX POST http://localhost:5000/api/join {json_body} {shlex.quote(body)}")

    assert [text.splitlines()[0].split("#")[0].split("  ")[0].strip() for text in said.values()] == [
        "🎮 Night",
        "Code",
        "🎲 Quiplash 3 is game 1 of night",
        "🗳️",
        "",
        "🗳️",
        "Zoë is out: tokens issued before now are refused.",
        (
            "Tokens issued to a bot or host called kosmi before now are refused. "
            "Whether there are any is not checked. "
            'A guest of that name stays: `gamenight revoke --guest "kosmi"` removes a guest.'
        ),
        "🗑️",
        "🌙 Night",
        said["gamenight invite --host"].splitlines()[0],
    ]
    assert f"\nhttp://{terminal.here('localhost:5000')}/#/join/" in said["gamenight invite --host"]
    assert "stands at +1 (1 up, 0 down)" in said["gamenight vote alice up"]
    assert "1. Quiplash 3: +1 (1 up, 0 down)" in said["gamenight night show"]
    assert "0 games" in said["gamenight night end"]

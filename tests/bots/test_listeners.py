"""The two listeners that can be read in a minute, as processes on the local gateway."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bots.line import Line, line_to
from tests.bots.programs import BOTS, python, running
from tests.clients import Host, Target
from tests.gateway import ROOT, Gateway
from tests.installed import installed
from tests.node import packages

LISTENERS = ["listen.py", "listen.js"]


@pytest.fixture
async def line(gateway: Gateway) -> AsyncIterator[Line]:
    async with line_to(int(gateway.port)) as line:
        yield line


def command_of(name: str, line: Line, token: str) -> tuple[list[str | Path], dict[str, str]]:
    url = f"ws://127.0.0.1:{line.port}/api/sessions/live"
    if name.endswith(".py"):
        return python(name, url, token), {}
    node, modules = installed("node"), packages(ROOT / "tests" / "seed" / "node")
    return [node, BOTS / name, url, token], {"NODE_PATH": str(modules)}


@pytest.mark.parametrize("name", LISTENERS)
def test_a_listener_can_be_read_in_a_minute(name: str) -> None:
    lines = (BOTS / name).read_text().splitlines()

    assert len(lines) <= 30
    assert max(len(line) for line in lines) <= 110


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_prints_a_night(
    line: Line, target: Target, host: Host, tmp_path: Path, name: str
) -> None:
    command, environment = command_of(name, line, target.token("bot"))
    async with running(command, environment, tmp_path) as program:
        await program.prints("Listening as bot")
        session = await host.start("Friday Game Night 🎲")
        at = f"/api/sessions/{session['id']}"
        await program.prints(f'{{"type":"subscribed","sessionId":{session["id"]}}}')
        await host.http.post(f"{at}/games", json={"title": "Quiplash 3"})
        await host.http.post(f"{at}/votes", json={"username": "alice", "type": "up"})
        await host.http.post(f"{at}/close")

        started = await program.prints('"type":"session.started"')
        rest = [await program.prints(kind) for kind in ("game.added", "vote.received", "session.ended")]

    assert "Friday Game Night 🎲" in started
    assert all(f'"session":{{"id":{session["id"]},' in line.replace("}", ",") for line in rest)


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_comes_back_after_a_break_and_hears_what_started_meanwhile(
    line: Line, target: Target, host: Host, tmp_path: Path, name: str
) -> None:
    command, environment = command_of(name, line, target.token("bot"))
    async with running(command, environment, tmp_path) as program:
        await program.prints("Listening as bot")
        before = await host.start("before")
        await program.prints(f'"subscribed","sessionId":{before["id"]}')
        line.cut()
        after = await host.start("after")

        assert '"notes":"after"' in await program.prints(f'{{"id":{after["id"]},')
        await program.prints(f'"subscribed","sessionId":{before["id"]}')
        await program.prints(f'"subscribed","sessionId":{after["id"]}')
    for session in (before, after):
        await host.http.post(f"/api/sessions/{session['id']}/close")


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_whose_token_is_refused_says_so_and_ends(
    line: Line, tmp_path: Path, name: str
) -> None:
    command, environment = command_of(name, line, "not a token")
    async with running(command, environment, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert '"type":"auth_error"' in printed
    assert "Traceback" not in printed
    assert "Task" not in printed


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_that_is_told_too_little_says_what_it_wants(
    line: Line, tmp_path: Path, name: str
) -> None:
    command, environment = command_of(name, line, "")
    async with running(command[:-2], environment, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert f"{name} ws://localhost:5000/api/sessions/live TOKEN" in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_says_that_nobody_is_there(line: Line, tmp_path: Path, name: str) -> None:
    command, environment = command_of(name, line, "a token")
    command[-2] = "ws://127.0.0.1:1/api/sessions/live"
    async with running(command, environment, tmp_path) as program:
        said = await program.prints("127.0.0.1")

    assert "Traceback" not in said


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_ends_quietly_by_ctrl_c(
    line: Line, target: Target, tmp_path: Path, name: str
) -> None:
    command, environment = command_of(name, line, target.token("bot"))
    async with running(command, environment, tmp_path) as program:
        await program.prints("Listening as bot")
        program.process.send_signal(signal.SIGINT)
        _, printed = await program.ends()

    assert printed == ""


async def test_a_listener_that_is_given_an_address_of_http_says_what_it_wants(
    line: Line, tmp_path: Path
) -> None:
    command, environment = command_of("listen.py", line, "a token")
    command[-2] = f"http://127.0.0.1:{line.port}"
    async with running(command, environment, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert "listen.py ws://localhost:5000/api/sessions/live TOKEN" in printed
    assert len(printed.splitlines()) == 1

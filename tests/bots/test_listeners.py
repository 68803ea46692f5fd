"""The two listeners that can be read in a minute, as processes on the local gateway."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bots.conftest import Serve
from tests.bots.hostile_service import Peer, started
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


def command_of(name: str, port: int, token: str) -> tuple[list[str | Path], dict[str, str]]:
    url = f"ws://127.0.0.1:{port}/api/sessions/live"
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
    command, environment = command_of(name, line.port, target.token("bot"))
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
    command, environment = command_of(name, line.port, target.token("bot"))
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
async def test_a_listener_comes_back_to_where_nothing_is_missing_yet(
    serve: Serve, tmp_path: Path, name: str
) -> None:
    asked: list[str] = []

    async def breaks_within_a_replay(peer: Peer) -> None:
        asked.append((await peer.lets_in("S:6"))["since"])
        await peer.sends(started(4), started(5), started(7))  # the 7 is live, and 6 is still to come
        await peer.gets("subscribe")
        await peer.hangs_up()

    async def replays_the_rest(peer: Peer) -> None:
        asked.append((await peer.lets_in("S:7"))["since"])
        await peer.sends(started(6), started(7))
        await peer.gets("subscribe")
        await peer.hangs_up()

    async def has_no_more(peer: Peer) -> None:
        asked.append((await peer.lets_in())["since"])
        await peer.stays()

    async def is_new(peer: Peer) -> None:
        asked.append((await peer.lets_in("S:3", recovered=False))["since"])
        await peer.hangs_up()

    service = await serve(is_new, breaks_within_a_replay, replays_the_rest, has_no_more)
    command, environment = command_of(name, service.port, "a token")
    async with running(command, environment, tmp_path) as program:
        for _ in range(4):
            await program.prints("Listening as bot")

    assert asked == ["new:0", "S:3", "S:5", "S:7"]


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_whose_token_is_refused_says_so_and_ends(
    line: Line, tmp_path: Path, name: str
) -> None:
    command, environment = command_of(name, line.port, "not a token")
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
    command, environment = command_of(name, line.port, "")
    async with running(command[:-2], environment, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert f"{name} ws://localhost:5000/api/sessions/live TOKEN" in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_says_that_nobody_is_there(line: Line, tmp_path: Path, name: str) -> None:
    command, environment = command_of(name, line.port, "a token")
    command[-2] = "ws://127.0.0.1:1/api/sessions/live"
    async with running(command, environment, tmp_path) as program:
        said = await program.prints("127.0.0.1")

    assert "Traceback" not in said


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_ends_quietly_by_ctrl_c(
    line: Line, target: Target, tmp_path: Path, name: str
) -> None:
    command, environment = command_of(name, line.port, target.token("bot"))
    async with running(command, environment, tmp_path) as program:
        await program.prints("Listening as bot")
        program.process.send_signal(signal.SIGINT)
        _, printed = await program.ends()

    assert printed == ""


async def test_a_listener_that_is_given_an_address_of_http_says_what_it_wants(
    line: Line, tmp_path: Path
) -> None:
    command, environment = command_of("listen.py", line.port, "a token")
    command[-2] = f"http://127.0.0.1:{line.port}"
    async with running(command, environment, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert "listen.py ws://localhost:5000/api/sessions/live TOKEN" in printed
    assert len(printed.splitlines()) == 1

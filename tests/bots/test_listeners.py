"""The two listeners that can be read in a minute, as processes on the local gateway."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bots.conftest import Serve
from tests.bots.hostile_service import Peer, added, began, ended, started, stays
from tests.bots.line import Line, line_to
from tests.bots.programs import BOTS, python, running
from tests.clients import Host, Target
from tests.gateway import ROOT, Gateway
from tests.installed import installed
from tests.node import packages

LISTENERS = ["listen.py", "listen.js"]

TICK_BY_SIGNAL = """
let ticks = [];
globalThis.setInterval = (tick) => ticks.push(tick);
process.on('SIGUSR2', () => { for (const _ of [1, 2, 3]) ticks.forEach((tick) => tick()); });
"""
"""Three periods pass for Node at each SIGUSR2."""


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
        await program.prints(f'"type":"subscribed","sessionId":{session["id"]}')
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
async def test_a_listener_comes_back_to_its_place_in_each_stream(
    serve: Serve, tmp_path: Path, name: str
) -> None:
    asked: list[str] = []

    async def plays_a_night(peer: Peer) -> None:
        asked.append((await peer.lets_in("S:3"))["since"])
        await peer.sends(started(4))
        asked.append((await peer.lets_subscribe("a:1"))["since"])
        await peer.sends(began(4, "a:1"), added(1, "a:2", 4), added(1, "a:2", 4), started(4), started(5))
        await peer.gets("subscribe")
        await peer.hangs_up()

    async def ends_it(peer: Peer) -> None:
        asked.append((await peer.lets_in())["since"])
        asked.extend([(await peer.lets_subscribe())["since"] for _ in range(2)])
        await peer.sends(ended("a:3", 4), started(6))
        await peer.gets("subscribe")
        await peer.hangs_up()

    async def goes_on(peer: Peer) -> None:
        asked.append((await peer.lets_in())["since"])
        asked.extend([str((await peer.lets_subscribe())["sessionId"]) for _ in range(2)])
        await peer.sends(started(7))
        await peer.stays()

    service = await serve(plays_a_night, ends_it, goes_on)
    command, environment = command_of(name, service.port, "a token")
    async with running(command, environment, tmp_path) as program:
        await program.prints('"session.started"')
        await program.prints('"session:5"')
        while '"S:7"' not in await program.prints("{"):
            pass

    assert asked == ["now", "", "S:5", "a:2", "", "S:6", "5", "6"]


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_prints_what_comes_twice_once(serve: Serve, tmp_path: Path, name: str) -> None:
    async def repeats(peer: Peer) -> None:
        await peer.lets_in("S:3")
        await peer.sends(started(4), started(5), started(4), started(5), started(6))
        await peer.stays()

    service = await serve(repeats)
    command, environment = command_of(name, service.port, "a token")
    async with running(command, environment, tmp_path) as program:
        heard = [await program.prints("session.started") for _ in range(3)]

    assert ["S:4" in heard[0], "S:5" in heard[1], "S:6" in heard[2]] == [True, True, True]


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_that_is_refused_for_the_moment_tries_again(
    serve: Serve, tmp_path: Path, name: str
) -> None:
    service = await serve(stays)
    service.refusals = [429, 503]
    command, environment = command_of(name, service.port, "a token")
    at_once = {"WEBSOCKETS_BACKOFF_INITIAL_DELAY": "0.01", "WEBSOCKETS_BACKOFF_MIN_DELAY": "0.01"}
    async with running(command, {**environment, **at_once}, tmp_path) as program:
        await program.prints("429")
        await program.prints("Listening as bot")

    assert service.refusals == []


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_listener_gets_along_with_a_frame_without_a_type(
    serve: Serve, tmp_path: Path, name: str
) -> None:
    async def fails(peer: Peer) -> None:
        await peer.lets_in("S:3")
        await peer.sends({"message": "Internal server error", "connectionId": "x", "requestId": "y"})
        await peer.sends(started(4))
        await peer.stays()

    service = await serve(fails)
    command, environment = command_of(name, service.port, "a token")
    async with running(command, environment, tmp_path) as program:
        await program.prints('"S:4"')

    assert service.connections == 1


async def test_the_node_listener_gives_a_silent_connection_up(serve: Serve, tmp_path: Path) -> None:
    clock = tmp_path / "clock.js"
    clock.write_text(TICK_BY_SIGNAL)
    service = await serve(stays)  # which answers no ping
    command, environment = command_of("listen.js", service.port, "a token")
    async with running(command, {**environment, "NODE_OPTIONS": f"--require {clock}"}, tmp_path) as program:
        await program.prints("Listening as bot")
        program.process.send_signal(signal.SIGUSR2)
        await program.prints("Listening as bot")

    assert service.connections == 2


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

"""The two listeners that can be read in a minute, as processes."""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bots.programs import BOTS, Program, python, running
from tests.bots.proxy import proxy_to
from tests.bots.server import Script, Server, added, auth, began, ended, gets, hang_up, started, subscribed
from tests.clients import Host, Target
from tests.gateway import ROOT, Gateway
from tests.installed import installed
from tests.node import packages

NOBODY = "ws://127.0.0.1:1/api/sessions/live"
AT_ONCE = {"WEBSOCKETS_BACKOFF_INITIAL_DELAY": "0.01", "WEBSOCKETS_BACKOFF_MIN_DELAY": "0.01"}
TICK_BY_SIGNAL = """
let ticks = [];
globalThis.setInterval = (tick) => ticks.push(tick);
process.on('SIGUSR2', () => { for (const _ of [1, 2, 3]) ticks.forEach((tick) => tick()); });
"""
"""Three periods pass for Node at each SIGUSR2."""


@pytest.fixture(params=["listen.py", "listen.js"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def listening(name: str, folder: Path, *arguments: str, **environment: str) -> AsyncIterator[Program]:
    command = python(name, *arguments)
    if name.endswith(".js"):
        command = [installed("node"), BOTS / name, *arguments]
        environment["NODE_PATH"] = str(packages(ROOT / "tests" / "seed" / "node"))
    async with running(command, environment, folder) as program:
        yield program


@asynccontextmanager
async def listening_to(name: str, folder: Path, *scripts: Script) -> AsyncIterator[tuple[Program, Server]]:
    async with (
        Server([*scripts]).serving() as server,
        listening(name, folder, server.url, "a token", **AT_ONCE) as program,
    ):
        yield program, server


def test_a_listener_can_be_read_in_a_minute(name: str) -> None:
    lines = (BOTS / name).read_text().splitlines()

    assert len(lines) <= 30
    assert max(len(line) for line in lines) <= 110


async def test_a_listener_prints_a_night_over_a_break(
    gateway: Gateway, target: Target, host: Host, tmp_path: Path, name: str
) -> None:
    token = target.token("bot")
    async with proxy_to(int(gateway.port)) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}/api/sessions/live"
        async with listening(name, tmp_path, url, token, **AT_ONCE) as program:
            await program.prints("Listening as bot")
            night = (await host.start("Friday Game Night 🎲"))["id"]
            first = await program.prints('"type":"session.started"')
            await program.prints(f'"type":"subscribed","sessionId":{night}')
            proxy.cut()
            missed = (await host.start("after"))["id"]
            second = await program.prints(f'{{"id":{missed},')
            await program.prints(f'"subscribed","sessionId":{night}')
            await program.prints(f'"subscribed","sessionId":{missed}')
            await host.add_game(night)
            await host.vote(night, "alice")
            await host.close(night)
            rest = [await program.prints(kind) for kind in ("game.added", "vote.received", "session.ended")]
    await host.close(missed)

    assert "Friday Game Night 🎲" in first
    assert '"notes":"after"' in second
    assert all(f'"session":{{"id":{night},' in line.replace("}", ",") for line in rest)


async def test_a_listener_comes_back_to_its_place_in_each_stream(tmp_path: Path, name: str) -> None:
    plays: Script = [auth("S:3"), started(4), subscribed("a:1"), began(4, "a:1"), *[added(1, "a:2", 4)] * 2]
    plays += [started(4), started(5), gets("subscribe"), hang_up]
    ends: Script = [auth(), *[subscribed()] * 2, ended("a:3", 4), started(6), gets("subscribe"), hang_up]
    goes_on: Script = [auth(), *[subscribed()] * 2, started(7)]

    async with listening_to(name, tmp_path, plays, ends, goes_on) as (program, server):
        heard = [await program.prints('"data"') for _ in range(7)]
        asked = await server.asked(10)

    assert asked[:3] == ["auth now", "subscribe 4 ", "subscribe 5 "]
    assert asked[3:7] == ["auth S:5", "subscribe 4 a:2", "subscribe 5 ", "subscribe 6 "]
    assert asked[7:] == ["auth S:6", "subscribe 5 new:0", "subscribe 6 "]
    cursors = ["S:4", "a:1", "a:2", "S:5", "a:3", "S:6", "S:7"]
    assert all(f'"{cursor}"' in text for cursor, text in zip(cursors, heard, strict=True))  # each once


async def test_a_listener_survives_refusals_and_odd_frames(tmp_path: Path, name: str) -> None:
    failed = {"message": "Internal server error", "connectionId": "x", "requestId": "y"}
    no_session = {"type": "session.started", "data": None}
    odd: Script = [failed, {}, no_session, "null", "[]", "7", '"text"', "<html>", "{"]
    server = Server([[auth("S:3"), *odd, started(4)]], refusals=[429, 503])
    async with server.serving(), listening(name, tmp_path, server.url, "a token", **AT_ONCE) as program:
        await program.prints("429")
        await program.prints("Listening as bot")
        await program.prints('"S:4"')

    assert (server.refusals, server.connections) == ([], 1)


async def test_the_node_listener_gives_a_silent_connection_up(tmp_path: Path) -> None:
    clock = tmp_path / "clock.js"
    clock.write_text(TICK_BY_SIGNAL)
    server = Server([[auth()]])  # which answers no ping
    options = {"NODE_OPTIONS": f"--require {clock}"}
    async with server.serving(), listening("listen.js", tmp_path, server.url, "t", **options) as program:
        await program.prints("Listening as bot")
        program.process.send_signal(signal.SIGUSR2)
        await program.prints("Listening as bot")

    assert server.connections == 2


async def test_the_node_listener_says_what_to_install(tmp_path: Path) -> None:
    command = [installed("node"), str(BOTS / "listen.js"), NOBODY, "a token"]
    async with running(command, {"NODE_PATH": ""}, tmp_path) as program:
        assert await program.ends() == (1, "A library is missing: npm install ws\n")


async def test_the_python_listener_says_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, "-S", str(BOTS / "listen.py"), NOBODY, "a token"]  # without site-packages
    async with running(command, {"PYTHONPATH": ""}, tmp_path) as program:
        status, printed = await program.ends()

    assert (status, len(printed.splitlines())) == (1, 1)
    assert "No module named 'websockets'. All that happens: pip install websockets; python" in printed


async def test_a_listener_whose_token_is_refused_ends(tmp_path: Path, name: str) -> None:
    refused = {"type": "auth_error", "code": "token_invalid", "message": "The token is damaged."}
    async with listening_to(name, tmp_path, [gets("auth"), refused]) as (program, _):
        status, printed = await program.ends()

    assert status == 1
    assert '"type":"auth_error"' in printed.replace(" ", "")
    assert "Traceback" not in printed
    assert "Task" not in printed


@pytest.mark.parametrize(
    "arguments",
    [[], ["http://127.0.0.1:1", "t"], ["localhost:1", "t"], ["ws://", "t"], ["ws://localhost:99999", "t"]],
)
async def test_a_listener_says_what_it_wants(tmp_path: Path, name: str, arguments: list[str]) -> None:
    async with listening(name, tmp_path, *arguments) as program:
        status, printed = await program.ends()

    assert status == 1
    assert f"{name} ws://localhost:5000/api/sessions/live TOKEN" in printed
    assert len(printed.splitlines()) == 1


async def test_a_listener_says_that_nobody_is_there(tmp_path: Path, name: str) -> None:
    async with listening(name, tmp_path, NOBODY, "a token") as program:
        said = await program.prints("127.0.0.1")

    assert "Traceback" not in said


async def test_a_listener_ends_quietly_by_ctrl_c(tmp_path: Path, name: str) -> None:
    async with listening_to(name, tmp_path, [auth()]) as (program, _):
        await program.prints("Listening as bot")
        program.process.send_signal(signal.SIGINT)
        status, printed = await program.ends()

    assert (status in {0, 130}, printed) == (True, "")

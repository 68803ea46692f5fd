"""Ctrl-C, and being told to end: a status, no message, and nothing left of what was started.

Nothing here depends on when: each test waits for what is printed or asked, interrupts, and waits for the end.
"""

import asyncio
import fcntl
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from tests.bots.programs import Program, running
from tests.clients import PATIENCE_SECONDS, Host
from tests.gateway import ROOT, Gateway
from tests.sockets import listening

GAMENIGHT = [sys.executable, "-m", "infra.cli"]
CTRL_C, SIGTERM = signal.SIGINT, signal.SIGTERM


def state_of(gateway: Gateway) -> Sequence[str]:
    return "--state-dir", str(gateway.state)


async def ended_by(number: signal.Signals, program: Program) -> tuple[int, str]:
    program.process.send_signal(number)
    return await program.ends()


@asynccontextmanager
async def trickling() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A service whose answer never ends: its URL, and what is set once it has been asked."""
    asked = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Header: ")
        asked.set()
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.5)  # the pace of the answer

    async with listening(answer) as port:
        yield f"http://127.0.0.1:{port}", asked


async def test_a_demo_ends_its_night(gateway: Gateway, host: Host) -> None:
    # Slow enough for the night to be on still when it is broken off.
    command = [*GAMENIGHT, "demo", "--pace", "4", "--json", *state_of(gateway)]
    async with running(command, {}, ROOT) as program:
        started = json.loads(await program.prints('"session.started"'))

        status, printed = await ended_by(CTRL_C, program)

    night = await host.http.get(f"/api/sessions/{started['data']['session']['id']}")
    assert status == 128 + CTRL_C
    assert printed == ""
    assert night.json()["is_active"] == 0


@pytest.mark.parametrize("number", [CTRL_C, SIGTERM])
async def test_a_demo_takes_down_the_gateway_that_it_brought(number: signal.Signals) -> None:
    async with running([*GAMENIGHT, "demo", "--own", "--pace", "4"], {"NO_COLOR": "1"}, ROOT) as program:
        served = urlsplit((await program.prints("│ on http")).rpartition(" ")[2])

        status, printed = await ended_by(number, program)

    assert status == 128 + number
    assert "Traceback" not in printed
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.port or 0))


async def test_an_emulated_account_is_there_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running([*GAMENIGHT, "stage", "emulate", "--json"], {}, ROOT) as program:
        variables = json.loads(await program.prints("AWS_ENDPOINT_URL"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        aws = boto3.Session()  # boto3's default session may have read another test's credentials
        with pytest.raises(ClientError, match="does not exist"):
            aws.client("cloudformation").describe_stacks(StackName="game-night-live-practice")
        with pytest.raises(ClientError, match="AccessDenied"):
            aws.client("iam").create_user(UserName="somebody")

        ended = await ended_by(CTRL_C, program)

    assert ended == (128 + CTRL_C, "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(variables["AWS_ENDPOINT_URL"]).port))


async def test_a_listener_ends_quietly(gateway: Gateway, host: Host) -> None:
    async with running([*GAMENIGHT, "listen", *state_of(gateway)], {}, ROOT) as program:
        await program.prints("authenticated")
        night = await host.start()
        await program.prints(f"#{night['id']}")

        status, printed = await ended_by(CTRL_C, program)

    await host.http.post(f"/api/sessions/{night['id']}/close")
    assert status == 128 + CTRL_C
    # Nights that other tests have left open may have been told of meanwhile, a line with the time each.
    assert [line for line in printed.splitlines() if not re.match(r"\d\d:\d\d:\d\d  ", line)] == []


@pytest.mark.parametrize("command", [["listen"], ["night", "list"]], ids=" ".join)
async def test_nobody_waits_for_an_answer_that_never_ends(command: list[str]) -> None:
    async with (
        trickling() as (url, asked),
        running([*GAMENIGHT, *command, "--url", url], {"GAMENIGHT_TOKEN": "a-token"}, ROOT) as program,
    ):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asked.wait()

        status, printed = await ended_by(CTRL_C, program)

    assert status == 128 + CTRL_C
    assert printed == ""


@pytest.mark.parametrize("number", [CTRL_C, SIGTERM])
async def test_a_gateway_that_is_starting_takes_its_engine_down(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [*GAMENIGHT, "serve", "--port", "0", "--state-dir", str(tmp_path / "state")]
    async with running(command, {"AWS_ENDPOINT_URL_DYNAMODB": ""}, ROOT) as program:
        await program.prints("Starting MiniStack")

        status, printed = await ended_by(number, program)

    assert status == 128 + number
    assert printed == ""
    wait_for_the_end_of_an_engine(tmp_path / "state")


def wait_for_the_end_of_an_engine(state: Path) -> None:
    with (state / "engine.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # which an engine that runs still holds


async def test_an_interruption_of_the_first_imports_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")

    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    async with running([*GAMENIGHT, "demo"], {"PYTHONPATH": path}, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 128 + CTRL_C
    assert printed == ""


@pytest.mark.parametrize("number", [CTRL_C, SIGTERM])
async def test_a_gateway_stops_also_as_soon_as_it_serves(number: signal.Signals, tmp_path: Path) -> None:
    command = [*GAMENIGHT, "serve", "--json", "--port", "0", "--state-dir", str(tmp_path / "state")]
    async with running(command, {}, ROOT) as program:
        addresses = json.loads(await program.prints("rest_url"))

        status, printed = await ended_by(number, program)

    assert status == 0, printed
    assert addresses.keys() == {"rest_url", "websocket_url", "dynamodb_url", "sqs_url"}


async def test_a_gateway_ends_with_its_engine_and_says_why(tmp_path: Path) -> None:
    command = [*GAMENIGHT, "serve", "--json", "--port", "0", "--state-dir", str(tmp_path / "state")]
    async with running(command, {}, ROOT) as program:
        await program.prints("rest_url")
        [engine] = [
            child
            for child in psutil.Process(program.process.pid).children()
            if any("child.py" in word for word in child.cmdline())
        ]
        engine.kill()

        status, printed = await program.ends()

    assert status == 1
    [line] = printed.splitlines()  # and no traceback
    told = json.loads(line)["error"]["detail"]
    assert told.startswith("MiniStack ended by itself")
    assert "Start again" in told

"""The seed's own programs, run as they are: clients hear of a session, and curl starts one."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.clients import Connect, Host, Target
from tests.installed import installed
from tests.seed.conftest import NODE
from tests.seed.processes import Program, program, running

Run = Callable[[str], Awaitable[Program]]
"""Runs a program's text, and returns once it is authenticated."""

NOTES = "Friday Game Night"


@pytest.fixture
async def run_node(node: str, node_modules: Path, tmp_path: Path) -> AsyncIterator[Run]:
    async with AsyncExitStack() as programs:

        async def run(text: str) -> Program:
            script = tmp_path / "client.js"
            script.write_text(text)
            command = [node, "--require", str(NODE / "observe.js"), str(script)]
            client = await programs.enter_async_context(running(command, {"NODE_PATH": str(node_modules)}))
            await client.gets('"type":"auth_success"')
            return client

        yield run


@pytest.fixture
async def run_python(tmp_path: Path) -> AsyncIterator[Run]:
    async with AsyncExitStack() as programs:

        async def run(text: str) -> Program:
            script = tmp_path / "client.py"
            script.write_text(text)
            command = [sys.executable, str(Path(__file__).parent / "observe.py"), str(script)]
            environment = {"PYTHONUNBUFFERED": "1", "WEBSOCKETS_MAX_LOG_SIZE": "1000"}
            client = await programs.enter_async_context(running(command, environment))
            await client.gets('"type":"auth_success"')
            return client

        yield run


async def test_the_curl_command_starts_a_session(target: Target, connected: Connect, tmp_path: Path) -> None:
    assert installed("curl")
    bot = await connected(target.token("bot"))
    script = tmp_path / "create_session.sh"
    script.write_text(program("create_session.sh", target, target.token("admin")))

    shell = await asyncio.create_subprocess_exec("sh", script, stdout=PIPE, stderr=PIPE)
    answer, said = await shell.communicate()

    assert shell.returncode == 0, said.decode()
    session = json.loads(answer)
    assert list(session) == ["id", "is_active", "created_at", "notes"]
    assert (session["is_active"], session["notes"]) == (1, NOTES)
    assert await bot.hear_start_of(session["id"])


async def test_the_node_client_hears_of_a_session_and_subscribes_to_it(
    target: Target, run_node: Run, host: Host
) -> None:
    client = await run_node(program("listen.js", target, target.token("bot")))

    session = await host.start(NOTES)

    await client.prints("New session started!")
    await client.prints(f"Session ID: {session['id']}")
    await client.prints(f"Created at: {session['created_at']}")
    await client.prints(f"Notes: {NOTES}")
    await client.gets(f'{{"type":"subscribed","sessionId":{session["id"]}}}')


async def test_the_python_client_hears_of_a_session_and_subscribes_to_it(
    target: Target, run_python: Run, host: Host
) -> None:
    client = await run_python(program("listen.py", target, target.token("bot")))
    await client.prints("Authenticated, waiting for sessions...")

    session = await host.start(NOTES)

    await client.prints(f"🎮 New session started! ID: {session['id']}")
    await client.prints(f"📅 Created: {session['created_at']}")
    await client.prints(f"📝 Notes: {NOTES}")
    await client.gets(f'{{"type":"subscribed","sessionId":{session["id"]}}}')


async def test_the_complete_flow_hears_of_a_session_and_subscribes_to_it(
    target: Target, run_node: Run, host: Host
) -> None:
    token = target.token("bot")
    # The seed leaves out here what it has shown before: without it no client hears anything.
    client = await run_node(program("complete_flow.js", target, token) + authentication(target, token))

    session = await host.start(NOTES)

    await client.prints(f"🎮 Session {session['id']} started!")
    await client.gets(f'{{"type":"subscribed","sessionId":{session["id"]}}}')


async def test_the_bot_example_announces_a_session_and_subscribes_to_it(
    target: Target, run_node: Run, host: Host
) -> None:
    token = target.token("bot")
    # The example begins where there are a connection and a bot.
    connection = program("listen.js", target, token).partition("ws.on('open'")[0]
    announcing = "const bot = { announce: console.log };\n"
    example = connection + authentication(target, token) + announcing + program("bot.js", target, token)
    client = await run_node(example)

    session = await host.start(NOTES)

    await client.prints(f"🎮 Game Night has started! Session #{session['id']}")
    await client.prints(f"📝 {NOTES}")
    await client.prints("🗳️ Vote with thisgame++ or thisgame-- during games!")
    await client.gets(f'{{"type":"subscribed","sessionId":{session["id"]}}}')


def authentication(target: Target, token: str) -> str:
    """Return the part of the seed's Node client that authenticates."""
    text = program("listen.js", target, token)
    return text[text.index("ws.on('open'") : text.index("ws.on('message'")]

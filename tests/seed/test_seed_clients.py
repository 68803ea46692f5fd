"""The seed's own programs, run as they are: clients hear of a session, and curl starts one."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.clients import Connect, Host, Target
from tests.installed import installed
from tests.node import packages
from tests.seed.processes import program, running

HERE = Path(__file__).parent
NOTES = "Friday Game Night"
PRINTED = {
    "listen.js": ["New session started!", "Session ID: {id}", "Created at: {created_at}", "Notes: {notes}"],
    "listen.py": [
        "Authenticated, waiting for sessions...",
        "🎮 New session started! ID: {id}",
        "📅 Created: {created_at}",
        "📝 Notes: {notes}",
    ],
    "complete_flow.js": ["🎮 Session {id} started!"],
    "bot.js": [
        "🎮 Game Night has started! Session #{id}",
        "📝 {notes}",
        "🗳️ Vote with thisgame++ or thisgame-- during games!",
    ],
}


def whole(name: str, target: Target, token: str) -> str:
    """Return a program of the seed with the parts that it leaves out where it has shown them before."""
    text, listening = program(name, target, token), program("listen.js", target, token)
    connection, authentication = listening.partition("ws.on('message'")[0].split("ws.on('open'")
    if name == "complete_flow.js":  # without a token no client hears anything
        return f"{text}ws.on('open'{authentication}"
    if name == "bot.js":  # it begins where there are a connection and a bot
        return f"{connection}ws.on('open'{authentication}const bot = {{ announce: console.log }};\n{text}"
    return text


@pytest.mark.parametrize("name", PRINTED)
async def test_a_client_hears_of_a_session_and_subscribes(
    target: Target, host: Host, tmp_path: Path, name: str
) -> None:
    script = tmp_path / name
    script.write_text(whole(name, target, target.token("bot")))
    command = [sys.executable, str(HERE / "observe.py"), str(script)]
    environment = {"PYTHONUNBUFFERED": "1", "WEBSOCKETS_MAX_LOG_SIZE": "1000"}
    if name.endswith(".js"):
        command = [installed("node"), "--require", str(HERE / "node" / "observe.js"), str(script)]
        environment = {"NODE_PATH": str(packages(HERE / "node"))}

    async with running(command, environment) as client:
        await client.gets('"type":"auth_success"')
        session = await host.start(NOTES)

        for line in PRINTED[name]:
            await client.prints(line.format(**session))
        await client.gets(f'{{"type":"subscribed","sessionId":{session["id"]}}}')


async def test_the_curl_command_starts_a_session(target: Target, connected: Connect, tmp_path: Path) -> None:
    assert installed("curl")
    bot = await connected(target.token("bot"))
    script = tmp_path / "create_session.sh"
    script.write_text(program("create_session.sh", target, target.token("admin")))

    shell = await asyncio.create_subprocess_exec("sh", script, stdout=PIPE, stderr=PIPE)
    answer, errors = await shell.communicate()

    assert shell.returncode == 0, errors.decode()
    session = json.loads(answer)
    assert list(session) == ["id", "is_active", "created_at", "notes"]
    assert (session["is_active"], session["notes"]) == (1, NOTES)
    assert await bot.hear_start_of(session["id"])

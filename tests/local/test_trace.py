"""``gamenight stage trace``, asked of a gateway that runs."""

import asyncio
import json
import subprocess
import sys
from typing import Any

from tests.clients import PATIENCE_SECONDS, Connect, Host, Target
from tests.gateway import POLL_SECONDS, ROOT, Gateway


def traced(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    state = gateway.token_command[gateway.token_command.index("--state-dir") + 1]
    command = [sys.executable, "-m", "infra.cli", "stage", "trace", *arguments, "--state-dir", state]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


async def followed(gateway: Gateway, event: str) -> Any:
    """Return the timeline of an event once its delivery is in the log."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            done = await asyncio.to_thread(traced, gateway, event, "--json")
            if done.returncode == 0:
                timeline = json.loads(done.stdout)
                if any(one["stage"] == "posted" for one in timeline["stages"]):
                    return timeline
            await asyncio.sleep(POLL_SECONDS)  # a file can only be looked at again


async def test_a_vote_is_followed_from_its_request_to_the_bot_that_heard_it(
    gateway: Gateway, target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    session = await host.start()
    await bot.ask({"type": "subscribe", "sessionId": session["id"], "since": ""})
    await host.add_game(session["id"])
    await host.vote(session["id"], "ann")
    heard = await bot.hear_in(session["id"], 2)

    timeline = await followed(gateway, json.loads(heard[-1])["cursor"])

    assert timeline["event"]["event"] == f"{session['id']}/3"
    stages = [(one["function"], one["stage"]) for one in timeline["stages"]]
    assert sorted(stages) == [
        ("api_handler", "answered"),
        ("api_handler", "appended"),
        ("broadcast", "broadcast"),
        ("broadcast", "delivered"),
        ("broadcast", "posted"),
        ("broadcast", "received"),
    ]
    milliseconds = [one["milliseconds"] for one in timeline["stages"]]
    assert milliseconds == sorted(milliseconds)
    assert (timeline["delivered"], timeline["named"], timeline["notes"]) == (1, 1, [])
    shown = traced(gateway, f"{session['id']}/3").stdout
    assert "POST /api/sessions/{session_id}/votes was answered 201, sent by admin" in shown
    assert "posted to 1 of 1" in shown


async def test_an_event_that_never_was_is_said_not_to_be_in_the_log(gateway: Gateway, host: Host) -> None:
    session = await host.start()
    await followed(gateway, f"{session['id']}/1")

    done = traced(gateway, f"{session['id']}/99")

    assert done.returncode == 1
    assert f"is about {session['id']}/99" in done.stderr

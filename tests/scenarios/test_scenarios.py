"""Every client passes every scenario."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bots.programs import Program, running
from tests.bots.server import Server
from tests.scenarios.clients import Client
from tests.scenarios.scenario import Scenario
from tests.scenarios.scenarios import SCENARIOS


@asynccontextmanager
async def listening(
    client: Client, server: Server, folder: Path, scenario: Scenario
) -> AsyncIterator[Program]:
    cursors = folder / "cursors.json"
    if scenario.cursors:
        cursors.write_text(json.dumps(scenario.cursors))
    rest = f"http://127.0.0.1:{server.port}"
    options = [one for token in scenario.tokens for one in ("--token", token)]
    options += ["--cursors", str(cursors), "--speed", str(scenario.speed)]
    async with running([*client.command, rest, server.url, *options], {}, folder) as program:
        yield program


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_client_hears_each_event_once_and_in_order(
    client: Client, tmp_path: Path, scenario: Scenario
) -> None:
    blocked = scenario.blocked_until is not None
    server = Server(scenario.scripts, scenario.answers, blocked=blocked, refusals=[*scenario.refusals])
    heard: list[str] = []

    async with server.serving(), listening(client, server, tmp_path, scenario) as program:
        if scenario.fails:
            status, printed = await program.ends()
            assert (status, f'"failed":"{scenario.fails}"' in printed) == (1, True), printed
        else:
            while len(heard) < len(scenario.hears):
                event = json.loads(await program.prints('{"event":'))["event"]
                heard.append(named(event))
                server.blocked &= heard[-1] != scenario.blocked_until
            states = [json.loads(await program.prints(f'{{"state":"{state}"')) for state in scenario.states]
            assert len(states) == len(scenario.states)
        assert heard == scenario.hears
        assert await server.asked(len(scenario.asks)) == scenario.asks


def named(event: Any) -> str:
    """Return a short name: the type and the id of what is the news."""
    news = event["data"].get("game") or event["data"].get("session") or {"id": "-"}
    return f"{event['type']} {news['id']}"

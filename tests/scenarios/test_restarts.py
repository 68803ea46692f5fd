"""A client that is cut off, killed and started again, on a real gateway: it hears all events, in order."""

import json
from pathlib import Path
from typing import Any

from tests.bots.programs import running
from tests.bots.proxy import proxy_to
from tests.clients import Host, Target
from tests.gateway import Gateway
from tests.scenarios.clients import Client

LIVES = 3


async def test_no_event_is_lost_over_cuts_and_kills(
    client: Client, gateway: Gateway, target: Target, host: Host, tmp_path: Path
) -> None:
    heard: list[Any] = []
    async with proxy_to(int(gateway.port)) as proxy:
        rest = f"http://127.0.0.1:{proxy.port}"
        websocket = f"ws://127.0.0.1:{proxy.port}/api/sessions/live"
        options = ["--token", target.token("bot"), "--cursors", str(tmp_path / "cursors.json")]
        night = 0
        for life in range(LIVES):
            async with running([*client.command, rest, websocket, *options], {}, tmp_path) as program:
                await program.prints('{"state":"live"}')
                if not night:
                    night = (await host.start())["id"]
                    await host.add_game(night)
                await host.vote(night, f"before the cut {life}")
                proxy.cut()
                await host.vote(night, f"last of life {life}")
                while not voted(heard, f"last of life {life}"):
                    event = json.loads(await program.prints('{"event":'))["event"]
                    heard += [event] if event["data"]["session"]["id"] == night else []
            await host.vote(night, f"while it is dead {life}")  # the end of the block kills it
        happened = await host.polled(night)
        await host.close(night)

    told = [content(event) for event in heard if event["type"] != "session.started"]
    first_time = [*dict.fromkeys(told)]
    # But the start, and what nobody hears.
    assert first_time == [content(event) for event in happened[1:-1]]
    assert len(told) - len(first_time) <= LIVES - 1  # what it was killed over may come again


def content(event: Any) -> str:
    return json.dumps([event[name] for name in ("type", "timestamp", "data")])


def voted(heard: list[Any], name: str) -> bool:
    return any(event["data"].get("vote", {}).get("username") == name for event in heard)

"""The gateway's output: the lines that the seed documents, and nothing that has to stay secret."""

import asyncio
import json
from typing import Any

from tests.clients import PATIENCE_SECONDS, Connect, Host, Target
from tests.gateway import POLL_SECONDS, Gateway


async def logged(gateway: Gateway, message: str) -> Any:
    """Return the log record with a message, once it is there."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for line in gateway.logged():
                if message in line and line.startswith("{") and json.loads(line)["message"] == message:
                    return json.loads(line)
            await asyncio.sleep(POLL_SECONDS)  # a file can only be looked at again


async def only_these_are_left(gateway: Gateway, host: Host, audience: int) -> None:
    """Start sessions until everyone else who has left, in earlier tests as well, has been forgotten."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        left = -1
        while left != audience:
            session = await host.start()
            message = f"[Sessions] Broadcasted session.started event for session {session['id']}"
            left = (await logged(gateway, message))["audience"]


async def test_a_broadcast_says_to_how_many_clients_it_went(
    gateway: Gateway, target: Target, connected: Connect, host: Host
) -> None:
    silent, refused, departed = await connected(), await connected(), await connected(target.token("bot"))
    await refused.ask({"type": "auth", "token": "junk"})
    for _ in range(2):
        await connected(target.token("bot"))
    await departed.socket.close()
    await only_these_are_left(gateway, host, 2)

    session = await host.start()

    message = f"[WebSocket] Broadcasted session.started to 2 client(s) for session {session['id']}"
    record = await logged(gateway, message)
    figures = {name: record[name] for name in ("audience", "delivered", "gone", "expired", "failed")}
    assert figures == {"audience": 2, "delivered": 2, "gone": 0, "expired": 0, "failed": 0}
    assert (await silent.ask({"type": "ping"}))["type"] == "pong"
    assert silent.heard == refused.heard == []

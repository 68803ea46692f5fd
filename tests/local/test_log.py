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


async def test_a_broadcast_is_logged_as_the_seed_documents_it(gateway: Gateway, host: Host) -> None:
    session = await host.start()

    record = await logged(
        gateway, f"[Sessions] Broadcasted session.started event for session {session['id']}"
    )

    assert (record["event_type"], record["session_id"]) == ("session.started", session["id"])


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


async def test_an_event_is_followed_from_its_request_to_its_delivery(
    gateway: Gateway, target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    session = await host.start()
    await bot.ask({"type": "subscribe", "sessionId": session["id"]})
    await host.add_game(session["id"])

    posted = await logged(
        gateway, f"[WebSocket] Broadcasted game.added to 1 client(s) for session {session['id']}"
    )

    lines = [json.loads(line) for line in gateway.logged() if line.startswith("{")]
    [appended] = [
        line for line in lines if (line.get("event"), line.get("stage")) == (posted["event"], "appended")
    ]
    [received] = [
        line for line in lines if (line.get("event"), line.get("stage")) == (posted["event"], "received")
    ]
    [answered] = [
        line
        for line in lines
        if line.get("stage") == "answered" and line["request_id"] == appended["request_id"]
    ]
    assert (appended["function"], received["function"]) == ("api_handler", "broadcast")
    assert (answered["status"], answered["subject"]) == (201, "admin")
    assert appended["trace_id"] != received["trace_id"]
    assert received["invocation_id"] == posted["invocation_id"]
    [connection_id] = posted["deliveries"]
    assert 0 <= posted["deliveries"][connection_id] <= posted["record_age_ms"]
    said = [line["message"] for line in lines if line.get("connection_id") == connection_id]
    assert said[:2] == ["authenticated", "subscribed"]


async def test_no_token_is_ever_logged(
    gateway: Gateway, target: Target, connected: Connect, host: Host
) -> None:
    tokens = [target.token("admin"), target.token("bot"), target.token("bot", ttl=-60)]
    bot = await connected(target.token("bot"))
    await bot.ask({"type": "auth", "token": target.token("bot", ttl=-60)})
    async with target.host(target.token("bot")) as forbidden:
        await forbidden.post({})

    session = await host.start()

    await logged(gateway, f"[Sessions] Broadcasted session.started event for session {session['id']}")
    log = gateway.log.read_text()
    for token in tokens:
        assert token.rpartition(".")[2] not in log

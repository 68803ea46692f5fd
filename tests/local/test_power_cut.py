"""On DynamoDB Local a gateway may end at any moment: it goes on where it was."""

import asyncio
import uuid
from pathlib import Path

import httpx

from tests.clients import Host
from tests.gateway import Gateway, running_gateway
from tests.local.conftest import target_of


async def test_sessions_and_ids_go_on_after_a_power_cut(new_engine: dict[str, str], tmp_path: Path) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    with running_gateway(tmp_path, new_engine) as gateway:
        token = target_of(gateway).token("admin")
        async with target_of(gateway).host(token) as host:
            before = [await host.start("first", key), await host.start()]
        gateway.kill()

    with running_gateway(tmp_path, new_engine) as gateway:
        target = target_of(gateway)
        async with target.host(token) as host, target.bot(token) as bot:
            repeated = await host.start("first", key)
            after = await host.start()
            heard = await bot.hear_start_of(after["id"])
            subscribed = await bot.ask({"type": "subscribe", "sessionId": before[1]["id"]})

    assert [session["id"] for session in before] == [1, 2]
    assert repeated == before[0]
    assert after["id"] == 3
    assert heard
    assert subscribed["type"] == "subscribed"


async def test_a_power_cut_in_the_middle_leaves_no_gap_and_nothing_half_done(
    new_engine: dict[str, str], tmp_path: Path
) -> None:
    answered: list[int] = []

    async def start_and_cut(host: Host, gateway: Gateway) -> None:
        session = await host.start()
        answered.append(session["id"])
        if len(answered) == 5:
            gateway.kill()

    with running_gateway(tmp_path, new_engine) as gateway:
        token = target_of(gateway).token("admin")
        async with target_of(gateway).host(token) as host:
            attempts = (start_and_cut(host, gateway) for _ in range(20))
            ended = await asyncio.gather(*attempts, return_exceptions=True)

    with running_gateway(tmp_path, new_engine) as gateway:
        target = target_of(gateway)
        async with target.host(token) as host, target.bot(token) as bot:
            following = (await host.start())["id"]
            known = [
                (await bot.ask({"type": "subscribe", "sessionId": session_id}))["type"]
                for session_id in range(1, following + 1)
            ]
            unknown = await bot.ask({"type": "subscribe", "sessionId": following + 1})

    assert any(isinstance(end, httpx.TransportError) for end in ended)
    assert max(answered) < following
    assert set(known) == {"subscribed"}
    assert unknown["code"] == "session_not_found"

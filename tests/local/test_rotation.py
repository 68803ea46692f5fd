"""Another secret in the middle of a night: nobody is cut off, and in the end the old one is refused."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.clients import Host, Target
from tests.gateway import POLL_SECONDS, ROOT, Gateway, running_gateway
from tests.local.conftest import target_of

NOTICED_SECONDS = 90.0
"""A function notices within a minute; on a machine with much to do a little later."""


@pytest.fixture
def rotating(tmp_path: Path, new_engine: dict[str, str]) -> Iterator[Gateway]:
    with running_gateway(tmp_path, new_engine) as gateway:
        yield gateway


def rotate(gateway: Gateway, *options: str) -> Any:
    python, *_, state = gateway.token_command
    command = [python, "-m", "infra.cli", "stage", "rotate-secret", "--json", "--state-dir", state, *options]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


async def lets_in(target: Target, token: str) -> bool:
    """Whether both APIs accept a token; they never differ in it once all functions know."""
    async with target.host(token) as somebody, target.bot() as bot:
        over_rest = (await somebody.http.get("/api/sessions")).status_code == httpx.codes.OK
        over_websocket = (await bot.ask({"type": "auth", "token": token}))["type"] == "auth_success"
    return over_rest and over_websocket


async def is_refused_everywhere(target: Target, token: str) -> None:
    """Wait until neither API accepts a token; one of a secret that nobody knows has a function look."""
    unknown = jwt.encode({}, "made up" * 6, "HS256", headers={"kid": "made-up"})
    async with asyncio.timeout(NOTICED_SECONDS), target.host(token) as late, target.host(unknown) as stranger:
        while True:
            async with target.bot() as bot:
                await bot.ask({"type": "auth", "token": unknown})
                live = await bot.ask({"type": "auth", "token": token})
            await stranger.http.get("/api/sessions")
            rest = await late.http.get("/api/sessions")
            if live["type"] == "auth_error" and rest.status_code == httpx.codes.UNAUTHORIZED:
                return
            await asyncio.sleep(POLL_SECONDS)  # what functions know can only be asked again


async def hears_a_night(host: Host, bot: Any) -> bool:
    session = await host.start()
    subscribed = await bot.ask({"type": "subscribe", "sessionId": session["id"]})
    await host.add_game(session["id"])
    return bool(subscribed["type"] == "subscribed" and await bot.hear_in(session["id"], 1))


async def test_a_rotation_from_its_beginning_to_its_end(rotating: Gateway) -> None:
    target = target_of(rotating)
    old_admin, old_bot = rotating.token("admin"), rotating.token("bot")
    async with target.bot(old_bot) as throughout, target.host(old_admin) as host:
        await hears_a_night(host, throughout)

        begun = rotate(rotating)
        new_admin = rotating.token("admin")
        async with target.host(new_admin) as new_host:
            answer = await new_host.send("/api/tokens", {"name": "bot", "ttl_seconds": 3600})
            new_bot = answer.json()["token"]
            during = [await lets_in(target, one) for one in (new_admin, new_bot, old_admin, old_bot)]
            heard_during = await hears_a_night(host, throughout)

            ended = rotate(rotating, "--finish")
            for old in (old_admin, old_bot):
                await is_refused_everywhere(target, old)
            after = [await lets_in(target, one) for one in (new_admin, new_bot)]
            heard_after = await hears_a_night(new_host, throughout)
            renewed = await throughout.authenticate(new_bot)

    kids = [jwt.get_unverified_header(one)["kid"] for one in (old_bot, new_admin, new_bot)]
    assert kids == [begun["previous_kid"], begun["kid"], begun["kid"]]
    assert (ended["kid"], ended["previous_kid"]) == (begun["kid"], None)
    assert during == [True, True, True, True]
    assert after == [True, True]
    assert (heard_during, heard_after) == (True, True)
    assert renewed["sub"] == "bot"

"""Another secret in the middle of a night: nobody is cut off."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.clients import Target
from tests.gateway import ROOT, Gateway, running_gateway
from tests.local.conftest import target_of


@pytest.fixture
def rotating(tmp_path: Path, new_engine: dict[str, str]) -> Iterator[Gateway]:
    with running_gateway(tmp_path, new_engine) as gateway:
        yield gateway


def rotate(gateway: Gateway) -> Any:
    python, *_, state = gateway.token_command
    command = [python, "-m", "infra.cli", "stage", "rotate-secret", "--json", "--state-dir", state]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


async def lets_in(target: Target, token: str) -> bool:
    """Whether both APIs accept a token."""
    async with target.host(token) as somebody, target.bot() as bot:
        over_rest = (await somebody.http.get("/api/sessions")).status_code == httpx.codes.OK
        over_websocket = (await bot.ask({"type": "auth", "token": token}))["type"] == "auth_success"
    return over_rest and over_websocket


async def test_during_a_rotation_both_secrets_are_accepted(rotating: Gateway) -> None:
    target = target_of(rotating)
    old_admin, old_bot = rotating.token("admin"), rotating.token("bot")
    async with target.bot(old_bot) as throughout:
        begun = rotate(rotating)
        new_admin = rotating.token("admin")
        accepted = [await lets_in(target, one) for one in (new_admin, old_admin, old_bot)]
        async with target.host(new_admin) as host:
            heard = await throughout.hear_start_of((await host.start())["id"])

    kids = [jwt.get_unverified_header(one)["kid"] for one in (old_bot, new_admin)]
    assert kids == [begun["previous_kid"], begun["kid"]]
    assert accepted == [True, True, True]
    assert heard

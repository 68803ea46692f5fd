"""A restored sessions table, taken into use by a command: nobody is told to have missed nothing."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.template import tables
from tests.backup import Backup
from tests.clients import PATIENCE_SECONDS, Bot
from tests.gateway import ROOT, Gateway, running_gateway
from tests.local.conftest import target_of

SESSIONS = tables("local")["SessionsTable"].name


@pytest.fixture
def own_gateway(tmp_path: Path, new_engine: dict[str, str]) -> Iterator[Gateway]:
    with running_gateway(tmp_path, new_engine) as gateway:
        yield gateway


@pytest.fixture
def dynamodb(own_gateway: Gateway) -> Any:
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client("dynamodb", "us-east-1", endpoint_url=own_gateway.dynamodb_url, **keys)


def restored(state: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "infra.cli", "stage", "restore", "--yes", "--state-dir", str(state)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


async def resumed(bot: Bot, token: str, since: str) -> Any:
    return await bot.ask({"type": "auth", "token": token, "since": since})


async def test_after_a_restore_every_client_comes_back_and_is_told_what_is_lost(
    own_gateway: Gateway, dynamodb: Any
) -> None:
    target = target_of(own_gateway)
    token = target.token("bot")
    async with target.host(target.token("admin")) as host, target.bot() as bot:
        await host.start()
        backup = Backup.of(dynamodb, SESSIONS)
        await resumed(bot, token, "")
        lost = await host.start("lost in the restore")
        seen = json.loads(await bot.hear_start_of(lost["id"]))["cursor"]
        polled = (await host.read("/api/sessions", since=""))["cursor"]

        backup.restore()
        done = restored(own_gateway.state)
        assert done.returncode == 0, done.stdout + done.stderr
        again = await host.start("with the number of another")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await (
                bot.socket.wait_closed()
            )  # items that are put back are delivered before, here and not on AWS

        async with target.bot() as back:
            told = await resumed(back, token, seen)
            later = await host.start()
            heard = json.loads(await back.hear_start_of(later["id"]))
        page = await host.read("/api/sessions", since=polled)

    assert again["id"] == lost["id"]
    assert told["recovered"] is False
    assert heard["cursor"].rpartition(":")[0] == told["cursor"].rpartition(":")[0] != seen.rpartition(":")[0]
    assert page["recovered"] is False


def test_a_gateway_that_does_not_run_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    done = restored(tmp_path)

    assert done.returncode == 1
    assert "make run" in done.stderr

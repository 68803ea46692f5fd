"""A proxy that the environment names can't reach this machine's own addresses, and is not asked for them."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from gamenight import GameNight

from tests.bots.listening import listening
from tests.gateway import ROOT, Gateway, running_gateway

NOWHERE = "http://127.0.0.1:9"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PROXIES = {name: NOWHERE for upper in VARIABLES for name in (upper, upper.lower())}
SECONDS = 60


@pytest.fixture(autouse=True)
def proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what a company's machines have, and nothing that says what to reach directly."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def behind_a_proxy(tmp_path: Path) -> Iterator[Gateway]:
    with running_gateway(tmp_path) as gateway:
        yield gateway


def gamenight(gateway: Gateway, words: Sequence[str]) -> str:
    command = [sys.executable, "-m", "infra.cli", *words, "--state-dir", str(gateway.state)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_night_is_played_on_this_machine(
    behind_a_proxy: Gateway, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bot = GameNight(f"http://{host}:{behind_a_proxy.port}", behind_a_proxy.token("bot"))

    async with listening(bot) as listener:
        night = json.loads(
            await asyncio.to_thread(gamenight, behind_a_proxy, ["night", "start", "Friday", "--json"])
        )
        while (await listener.next()).session_id != night["id"]:
            pass

    assert "connected to ws://" in caplog.text
    assert "next attempt" not in caplog.text
    gamenight(behind_a_proxy, ["stage", "redrive"])

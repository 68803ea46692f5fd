"""What the documents show to whoever has the project and one machine, typed in a checkout of their own."""

import re
from pathlib import Path

import httpx
import pytest

from infra.local.engine.embedded import embedded_engine
from infra.local.state import StateDir
from tests.docs.checkout import Checkout, checkout
from tests.docs.how_each_is_run import GAME, HERE, NIGHT
from tests.gateway import ROOT


@pytest.mark.parametrize("command", HERE)
def test_a_command_does_what_the_document_says(reader: Checkout, command: str) -> None:
    how = HERE[command]
    for before in how.given:
        prepared = reader.typed(before)
        assert prepared.returncode == 0, prepared.stdout

    done = reader.typed(reader.with_more(command, how.more), how.answer)

    assert done.returncode == 0, done.stdout
    assert how.prints in done.stdout


def test_the_bill_in_the_document_is_the_one_that_is_printed(reader: Checkout) -> None:
    printed = reader.typed("python -m benchmarks.cost").stdout.splitlines()[1:]
    shown = (ROOT / "docs" / "cost.md").read_text().replace("*", "").splitlines()

    rows = [f"| {' | '.join(re.split(r' {2,}', line))} |" for line in printed]

    assert len(rows) > 5
    assert [row for row in rows if row not in shown] == []


@pytest.mark.parametrize("command", ["make run", "LOG_FORMAT=json make run", "LOG_LEVEL=DEBUG make run"])
def test_the_gateway_serves_until_ctrl_c(tmp_path: Path, command: str) -> None:
    here = checkout(tmp_path / "project")

    with here.serving(command) as url:
        health = httpx.get(f"{url}/api/health")

    assert health.json()["status"] == "ok"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/api/health")


def test_the_gateway_serves_on_an_engine_that_runs(tmp_path: Path) -> None:
    here = checkout(tmp_path / "project")

    with embedded_engine(StateDir(tmp_path / "engine"), print) as engine:
        with here.serving(f"AWS_ENDPOINT_URL_DYNAMODB={engine} make run"):
            started = here.typed(f"{NIGHT} && {GAME}")
        with here.serving(f"AWS_ENDPOINT_URL_DYNAMODB={engine} make run"):
            kept = here.typed("python -m infra session list")

    assert started.returncode == 0, started.stdout
    assert "#1 " in kept.stdout


def test_a_listener_prints_what_happens(reader: Checkout) -> None:
    with reader.terminal("make listen") as listener:
        listener.shows("authenticated as")
        reader.typed(NIGHT)
        heard = listener.shows("has started")

    assert "🎮 Game Night has started: Friday Game Night" in heard

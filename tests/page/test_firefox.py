"""A whole night in Firefox, which is driven over WebDriver BiDi by ``evening.js``."""

import asyncio
import json
import subprocess

import pytest

from tests.clients import Target
from tests.gateway import ROOT, Gateway
from tests.installed import installed
from tests.node import packages
from tests.scenarios.clients import newer_node

PAGE = ROOT / "tests" / "page"
MOST_SECONDS = 500


@pytest.mark.usefixtures("host")
async def test_a_night_is_seen_through_in_firefox(gateway: Gateway, target: Target) -> None:
    tokens = {role: target.token(role) for role in ("admin", "bot")}
    firefox = installed("firefox-esr", "firefox")
    night = {"firefox": firefox, "url": f"{target.rest_url}/", "port": gateway.port, **tokens}

    done = await asyncio.to_thread(
        subprocess.run,
        [newer_node(), PAGE / "evening.js"],
        env={"NODE_PATH": str(packages(PAGE / "node"))},
        input=json.dumps(night),
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr

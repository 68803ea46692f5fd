"""What all suites share: the options that name a target, and the gateway's output where a test fails."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

GATEWAY_LOG = pytest.StashKey[Path]()
LOG_START = pytest.StashKey[int]()
"""How long the gateway's log was when the test began."""


def pytest_addoption(parser: pytest.Parser) -> None:
    # Options have to be known before a suite's own conftest.py is read, so they are here.
    target = parser.getgroup(
        "target", "the target of tests/conformance; without these, a local gateway is started"
    )
    target.addoption("--rest-url", help="where /api is, e.g. http://localhost:5000 [$GAMENIGHT_REST_URL]")
    target.addoption("--websocket-url", help="where clients connect [$GAMENIGHT_WEBSOCKET_URL]")
    target.addoption(
        "--token-command",
        help='what prints a token, given --role and --ttl, e.g. "python -m infra token --stage dev" '
        "[$GAMENIGHT_TOKEN_COMMAND]",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    log = item.config.stash.get(GATEWAY_LOG, None)
    item.stash[LOG_START] = log.stat().st_size if log and log.exists() else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    log = item.config.stash.get(GATEWAY_LOG, None)
    if report.failed and log is not None:
        said = log.read_bytes()[item.stash[LOG_START] :].decode(errors="replace")
        report.sections.append(("The local gateway's output during this test", said or "(nothing)"))
    return report

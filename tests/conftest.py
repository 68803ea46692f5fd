"""What all suites share: the target, the local gateway, and its output where a test fails."""

import asyncio
import os
import shlex
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest

from infra.loopback import reach_loopback_directly
from tests import leaks
from tests.clients import Bot, Connect, Host, Target
from tests.gateway import Gateway, gateway_engine, running_gateway

GATEWAY_LOG = pytest.StashKey[Path]()
LOG_START = pytest.StashKey[int]()
"""How long the gateway's log was when the test began."""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(leaks)
    reach_loopback_directly()
    # Started in the background by a shell, the tests ignore Ctrl-C, and so would all that they start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # So that no process has long ones left when the others have nothing more to do.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_addoption(parser: pytest.Parser) -> None:
    # Options have to be known before a suite's own conftest.py is read, so they are here.
    target = parser.getgroup(
        "target", "the target of tests/conformance; without these, a local gateway is started"
    )
    target.addoption("--rest-url", help="where /api is, e.g. http://localhost:5000 [$GAMENIGHT_REST_URL]")
    target.addoption("--websocket-url", help="where clients connect [$GAMENIGHT_WEBSOCKET_URL]")
    target.addoption(
        "--token-command",
        help='what prints a token, given --role, --sub and --ttl, e.g. "gamenight token --stage dev" '
        "[$GAMENIGHT_TOKEN_COMMAND]",
    )


@pytest.fixture(autouse=True)
def _every_connection_is_ended(request: pytest.FixtureRequest) -> None:
    """Hold a test to the sockets that it leaves open.

    The garbage collector would find them, and fail whichever test runs then.
    """
    if iscoroutinefunction(request.function):  # no other has a loop, and needs one
        request.getfixturevalue("_ended_connections")


@pytest.fixture
async def _ended_connections() -> AsyncIterator[None]:
    yield
    transports = [*asyncio.get_running_loop()._transports.values()]  # type: ignore[attr-defined]
    left = [transport for transport in transports if not transport.is_closing()]
    for transport in transports:
        transport.abort()
    await asyncio.sleep(0)  # in which the loop closes them
    assert left == []


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


@pytest.fixture(scope="session")
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One local gateway for all tests of a process that do not break it."""
    folder = tmp_path_factory.mktemp("gateway")
    with gateway_engine(folder) as engine, running_gateway(folder, engine) as running:
        request.config.stash[GATEWAY_LOG] = running.log
        yield running


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The target that the options or the environment name, or else the local gateway."""
    named = {
        name: request.config.getoption(name) or os.environ.get(f"GAMENIGHT_{name.upper()}")
        for name in ("rest_url", "websocket_url", "token_command")
    }
    if not any(named.values()):
        local: Gateway = request.getfixturevalue("gateway")
        return Target(local.rest_url, local.websocket_url, local.token_command)
    missing = [f"--{name.replace('_', '-')}" for name, value in named.items() if not value]
    if missing:
        pytest.exit(f"A target has two URLs and a command; {', '.join(missing)} is missing.", 4)
    return Target(
        str(named["rest_url"]).rstrip("/"),
        str(named["websocket_url"]),
        tuple(shlex.split(str(named["token_command"]))),
    )


@pytest.fixture
async def host(target: Target) -> AsyncIterator[Host]:
    """A host with an admin's token."""
    async with target.host(target.token("admin")) as host:
        yield host


@pytest.fixture
async def connected(target: Target) -> AsyncIterator[Connect]:
    """Connects a bot, authenticated where a token is given; all of them leave when the test is over."""
    async with AsyncExitStack() as connections:

        async def opened(token: str | None = None) -> Bot:
            return await connections.enter_async_context(target.bot(token))

        yield opened

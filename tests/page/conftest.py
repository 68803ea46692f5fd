"""A browser for all tests of the page, a tab of its own for each of them, and the host beside it.

They run on one event loop, which the browser belongs to.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.clients import Host, Target
from tests.gateway import Gateway, gateway_engine, running_gateway
from tests.installed import installed
from tests.page.chromium import NAMES, Chromium, chromium
from tests.page.visitor import PATIENCE_MILLISECONDS, Visitor
from tests.page.wire import Wire

expect.set_options(timeout=PATIENCE_MILLISECONDS)

TEST_SECONDS = 600
"""A busy machine may take minutes to start a gateway, a browser and a tab. Nothing here is about how long."""

EXPECTED = re.compile(
    r"Failed to load resource|WebSocket connection to .* failed|net::ERR_|WebSocket is closed before"
)
"""What Chromium itself writes where a request fails, as many here are meant to."""

SHORT_DELAYS = "Math.random = () => 0.05"
"""Every delay before another attempt is a random share of a longest one: here always a small one."""

Visit = Callable[..., Awaitable[Visitor]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in (item for item in items if item.path.parent.name == "page"):
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of the page's own, since the host ends every night that is on."""
    folder = tmp_path_factory.mktemp("gateway-of-the-page")
    with gateway_engine(folder) as engine, running_gateway(folder, engine) as running:
        yield running


@pytest.fixture(scope="session")
def target(gateway: Gateway) -> Target:
    """The local gateway, whatever target the conformance suite was given."""
    return Target(gateway.rest_url, gateway.websocket_url, gateway.token_command)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running() -> AsyncIterator[Chromium]:
    async with chromium(installed(*NAMES)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def host(target: Target) -> AsyncIterator[Host]:
    """A host with an admin's token, who has nights of before ended."""
    async with target.host(target.token("admin")) as host:
        while (active := await host.http.get("/api/sessions/active")).status_code == 200:
            await host.close(active.json()["id"])
        yield host


@pytest_asyncio.fixture(loop_scope="session")
async def visit(running: Chromium, target: Target) -> AsyncIterator[Visit]:
    """Open tabs of browsers that know nothing of each other, signed in where a role is named.

    Fails where the page has raised an error.
    """
    errors: list[str] = []

    def console(said: Any) -> None:
        if said.type == "error" and not EXPECTED.search(said.text):
            errors.append(said.text)

    async with AsyncExitStack() as tabs:

        async def opened(
            role: str | None = None,
            subject: str | None = None,
            *,
            wire: Wire | None = None,
            own_time: bool = False,
            **options: Any,
        ) -> Visitor:
            context = await (await running.browser()).new_context(**{"reduced_motion": "reduce", **options})
            tabs.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            await context.add_init_script(SHORT_DELAYS)
            page = await context.new_page()
            tabs.push_async_callback(page.unroute_all, behavior="ignoreErrors")  # requests under way
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", console)
            if own_time:
                await page.clock.install()
            if wire is not None:
                await wire.lie_before(page)
            visitor = Visitor(page, f"{target.rest_url}/")
            if role is not None:
                await visitor.signs_in(target.token(role, subject))
            return visitor

        yield opened
    assert errors == []

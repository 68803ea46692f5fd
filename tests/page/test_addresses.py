"""The page works however it was reached: by another name, over plain http, behind what passes it on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from tests.clients import Target
from tests.gateway import Gateway
from tests.page.between import BETWEEN, Between
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

SAYS_NOTHING = b"gateway.internal:5000"
"""The host that a proxy asks for which does not pass the client's on."""


async def sees_a_night_through(visitor: Visitor, target: Target, notes: str) -> None:
    await visitor.signs_in(target.token("admin"))
    await visitor.connection_is("live")
    await visitor.starts(notes)
    await visitor.adds("Quiplash")
    await visitor.votes("Quiplash", "up", "ana")
    await visitor.reads_score("Quiplash", "+1")
    await visitor.ends_the_night()


@pytest.mark.usefixtures("host")
async def test_a_phone_hosts_by_the_machines_name_over_http(visit: Visit, target: Target) -> None:
    port = urlsplit(target.rest_url).port
    visitor = Visitor((await visit()).page, f"http://nights.example:{port}/")

    await sees_a_night_through(visitor, target, "By name")

    assert await visitor.page.evaluate("isSecureContext") is False


@pytest.mark.usefixtures("host")
async def test_it_is_live_behind_a_proxy_that_says_nothing(visit: Visit, target: Target) -> None:
    async with silent_proxy(target) as url:
        visitor = Visitor((await visit()).page, f"{url}/")

        await sees_a_night_through(visitor, target, "From behind")


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
async def test_every_address_leads_back_through(
    visit: Visit, target: Target, gateway: Gateway, tmp_path: Path, between: Between
) -> None:
    admin = target.token("admin")
    with between(tmp_path, gateway.port) as url:
        async with Target(url, "", ()).host(admin) as host:
            described = await host.read("/api")
            addresses = {name: value for name, value in described.items() if name.endswith("_url")}
            assert [value for value in addresses.values() if url.partition(":")[2] not in value] == []
            async with Target(url, addresses["websocket_url"], ()).bot(admin) as bot:
                started = await host.post({"notes": "From behind"})
                await bot.hear_start_of(started.json()["id"])
            located = await host.http.get(urljoin(f"{url}/", started.headers["location"]))
            assert located.json()["notes"] == "From behind"
            await host.close(located.json()["id"])

        visitor = Visitor((await visit()).page, f"{url}/")
        await sees_a_night_through(visitor, target, "On the page")


@asynccontextmanager
async def silent_proxy(target: Target) -> AsyncIterator[str]:
    """Listen on another port for the target, and name another host to it."""
    running: set[asyncio.Task[None]] = set()

    async def passes_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data.replace(here, SAYS_NOTHING))
                await writer.drain()
        finally:
            writer.close()

    async def opened(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("localhost", urlsplit(target.rest_url).port)
        for task in (passes_on(reader, back), passes_on(there, writer)):
            running.add(asyncio.create_task(task))

    server = await asyncio.start_server(opened, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    here = f"127.0.0.1:{port}".encode()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

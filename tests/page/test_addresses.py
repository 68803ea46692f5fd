"""The page works however it was reached: by another name, over plain http, behind what passes it on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from tests.clients import Target
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
@pytest.mark.parametrize("instead", [None, SAYS_NOTHING], ids=["port forward", "proxy that says nothing"])
async def test_it_is_live_behind_a(visit: Visit, target: Target, instead: bytes | None) -> None:
    async with forward(target, instead) as url:
        visitor = Visitor((await visit()).page, f"{url}/")

        await sees_a_night_through(visitor, target, "From behind")


@asynccontextmanager
async def forward(target: Target, instead: bytes | None) -> AsyncIterator[str]:
    """Listen on another port for the target, and name another host to it where one is given."""
    running: set[asyncio.Task[None]] = set()

    async def passes_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data.replace(here, instead) if instead else data)
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

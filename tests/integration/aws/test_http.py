"""The HTTP client and its connections, against servers that keep, drop and never answer them."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chalicelib.aws.http import HttpClient, NoAnswer, parse_endpoint
from chalicelib.aws.sigv4 import SignedRequests
from tests.integration.aws.hostile_server import (
    OK,
    REGION,
    Behaviour,
    HostileServer,
    Wire,
    never,
    when,
)
from tests.integration.aws.sending import http_client, keys


@asynccontextmanager
async def client_of(server: HostileServer, **options: Any) -> AsyncIterator[HttpClient]:
    client = http_client(server, **options)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Accept connections and neither read nor say anything; the port."""
    writers = []

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for writer in writers:
            writer.transport.abort()
        server.close()
        await server.wait_closed()


async def ask(client: HttpClient, url: str, connection_id: str = "a") -> tuple[int, bytes]:
    endpoint = parse_endpoint(url.format(stage="prod"))
    signing = "execute-api", REGION, keys(), time.time
    post = SignedRequests(*signing, "POST", endpoint, "/@connections/", b"{}")
    return await client.request(endpoint, post.to(connection_id))


def answering(body: bytes) -> Behaviour:
    async def behave(wire: Wire) -> None:
        wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)

    return behave


async def test_a_connection_is_kept_for_the_next_request(server: HostileServer) -> None:
    server.behaviours = {"large": [answering(b"x" * 1_000_000)]}

    async with client_of(server) as client:
        large = await ask(client, server.endpoint, "large")
        small = await ask(client, server.endpoint)

    assert (len(large[1]), small) == (1_000_000, (200, b"{}"))
    assert server.accepted == 1


async def test_requests_at_the_same_time_have_a_connection_each(server: HostileServer) -> None:
    held = asyncio.Event()
    server.otherwise = when(held, OK)

    async with client_of(server) as client:
        asked = [asyncio.create_task(ask(client, server.endpoint)) for _ in range(8)]
        await server.in_flight_reaches(8)
        held.set()
        answers = await asyncio.gather(*asked)

    assert answers == [(200, b"{}")] * 8
    assert server.accepted == 8


async def test_a_connection_idle_for_a_minute_is_not_trusted(server: HostileServer) -> None:
    now = [1_762_000_000.0]

    async with client_of(server, clock=lambda: now[0]) as client:
        await ask(client, server.endpoint)
        now[0] += 49
        await ask(client, server.endpoint)
        kept = server.accepted
        now[0] += 60
        await ask(client, server.endpoint)

    assert (kept, server.accepted) == (1, 2)


async def test_a_request_is_sent_again_where_its_connection_died_idle(server: HostileServer) -> None:
    served: set[Wire] = set()

    async def once(wire: Wire) -> None:
        if wire in served:
            wire.reset()
        else:
            served.add(wire)
            await OK(wire)

    server.otherwise = once

    async with client_of(server) as client:
        answers = [await ask(client, server.endpoint) for _ in range(10)]

    assert answers == [(200, b"{}")] * 10
    assert len(server.requests) == 19


async def test_a_request_is_sent_again_only_once(server: HostileServer) -> None:
    async with client_of(server) as client:
        await asyncio.gather(*(ask(client, server.endpoint) for _ in range(4)))

        async def reset(wire: Wire) -> None:
            wire.reset()

        server.otherwise = reset
        with pytest.raises(NoAnswer):
            await ask(client, server.endpoint, "killer")

    assert server.posted_to("killer") == 2


async def test_a_half_closed_connection_serves_no_more() -> None:
    async def answer_and_say_no_more(wire: Wire) -> None:
        await OK(wire)
        wire.writer.write_eof()  # and go on reading, as if the next request were welcome

    async with (
        HostileServer(otherwise=answer_and_say_no_more).serving() as server,
        client_of(server) as client,
    ):
        answers = [await ask(client, server.endpoint) for _ in range(10)]

    assert answers == [(200, b"{}")] * 10


@pytest.mark.parametrize(
    ("scheme", "reason"),
    [("http", "no answer within 0.1 s"), ("https", "no connection to 127.0.0.1:{port}: timed out")],
)
async def test_a_server_that_never_speaks_gives_no_answer(scheme: str, reason: str) -> None:
    async with silent_server() as port:
        client = HttpClient(timeout=0.1)
        with pytest.raises(NoAnswer) as caught:
            await ask(client, f"{scheme}://127.0.0.1:{port}/prod")
        await client.close()

    assert str(caught.value) == reason.format(port=port)


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".invalid"])
async def test_a_host_that_cannot_be_found_gives_no_answer(host: str) -> None:
    with pytest.raises(NoAnswer, match="no connection to"):
        await ask(HttpClient(), f"http://{host}/prod")


async def test_a_cancelled_request_leaves_no_connection_behind(server: HostileServer) -> None:
    server.behaviours = {"slow": [never]}

    async with client_of(server) as client:
        slow = asyncio.create_task(ask(client, server.endpoint, "slow"))
        await server.in_flight_reaches(1)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        answer = await ask(client, server.endpoint)

    assert answer == (200, b"{}")
    assert server.accepted == 2


async def test_the_certificate_is_verified(tls: ssl.SSLContext) -> None:
    server = HostileServer()

    async with server.serving(tls), client_of(server) as client:
        with pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(client, server.endpoint)

    assert server.requests == []


async def test_plain_connections_do_not_pay_for_tls() -> None:
    def tls() -> ssl.SSLContext:
        pytest.fail("the system's certificates were read")

    async with HostileServer().serving() as server:
        client = HttpClient(tls=tls)
        answer = await ask(client, server.endpoint)
        await client.close()

    assert answer == (200, b"{}")


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)

    async with HostileServer().serving() as server, client_of(server) as client:
        answer = await ask(client, server.endpoint)

    assert answer == (200, b"{}")


def test_connections_survive_while_the_loop_does_not_run() -> None:
    server = HostileServer()

    with asyncio.Runner() as runner:
        serving = server.serving()
        runner.run(serving.__aenter__())
        client = HttpClient()
        answers = [runner.run(ask(client, server.endpoint)) for _ in range(3)]
        runner.run(client.close())
        runner.run(serving.__aexit__(None, None, None))

    assert answers == [(200, b"{}")] * 3
    assert server.accepted == 1

"""The HTTP client and its connections, against servers that keep, drop and never answer them."""

import asyncio
import json
import ssl
import time
from asyncio import StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chalicelib.aws.http import HttpClient, NoAnswer, parse_endpoint
from chalicelib.aws.json_api import DynamoApi
from chalicelib.aws.sigv4 import SignedRequests
from tests.integration.aws.hostile_server import (
    OK,
    REGION,
    HostileServer,
    answer,
    reset,
    say_and_hang_up,
)
from tests.integration.aws.sending import FOUR_TIMES, http_client, keys


@asynccontextmanager
async def client_of(server: HostileServer, **options: Any) -> AsyncIterator[HttpClient]:
    client = http_client(server, **options)
    try:
        yield client
    finally:
        await client.close()


async def ask(client: HttpClient, url: str, connection_id: str = "a") -> tuple[int, bytes]:
    endpoint = parse_endpoint(url.format(stage="prod"))
    signing = "execute-api", REGION, keys(), time.time
    post = SignedRequests(*signing, "POST", endpoint, "/@connections/", b"{}")
    return await client.request(endpoint, post.to(connection_id))


async def test_a_connection_is_kept_for_the_next_request(server: HostileServer) -> None:
    server.behaviours = {"large": [answer(200, body=b"x" * 1_000_000)]}

    async with client_of(server) as client:
        large = await ask(client, server.endpoint, "large")
        small = await ask(client, server.endpoint)

    assert (len(large[1]), small) == (1_000_000, (200, b"{}"))
    assert server.accepted == 1


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


async def test_a_request_is_sent_again_after_dying_idle(server: HostileServer) -> None:
    served: set[StreamWriter] = set()

    async def serve_once(writer: StreamWriter) -> None:
        await (reset if writer in served else OK)(writer)
        served.add(writer)

    server.otherwise = serve_once

    async with client_of(server) as client:
        answers = [await ask(client, server.endpoint) for _ in range(10)]

    assert answers == [(200, b"{}")] * 10
    assert len(server.requests) == 19


async def test_a_request_is_sent_again_only_once(server: HostileServer) -> None:
    async with client_of(server) as client:
        await asyncio.gather(*(ask(client, server.endpoint) for _ in range(4)))

        server.otherwise = reset
        with pytest.raises(NoAnswer):
            await ask(client, server.endpoint, "killer")

    assert server.posted_to("killer") == 2


async def test_a_half_closed_connection_serves_no_more() -> None:
    async def answer_and_say_no_more(writer: StreamWriter) -> None:
        await OK(writer)
        writer.write_eof()  # and go on reading, as if the next request were welcome

    server = HostileServer(otherwise=answer_and_say_no_more)

    async with server.serving(), client_of(server) as client:
        answers = [await ask(client, server.endpoint) for _ in range(10)]

    assert answers == [(200, b"{}")] * 10


async def test_a_handshake_that_never_ends_is_no_answer() -> None:
    held = asyncio.Event()

    async def accept(_reader: asyncio.StreamReader, writer: StreamWriter) -> None:
        await held.wait()
        writer.transport.abort()

    async with await asyncio.start_server(accept, "127.0.0.1") as silent:
        port = silent.sockets[0].getsockname()[1]
        with pytest.raises(NoAnswer) as caught:
            await ask(HttpClient(timeout=0.1), f"https://127.0.0.1:{port}/prod")
        held.set()

    assert str(caught.value) == f"no connection to 127.0.0.1:{port}: timed out"


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".invalid"])
async def test_a_host_that_cannot_be_found_is_no_answer(host: str) -> None:
    with pytest.raises(NoAnswer, match="no connection to"):
        await ask(HttpClient(), f"http://{host}/prod")


async def test_the_certificate_is_verified(tls: ssl.SSLContext) -> None:
    server = HostileServer()

    async with server.serving(tls), client_of(server) as client:
        with pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(client, server.endpoint)

    assert server.requests == []


async def test_plain_requests_need_neither_certificates_nor_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)

    def tls() -> ssl.SSLContext:
        pytest.fail("the system's certificates were read")

    async with HostileServer().serving() as server, client_of(server, tls=tls) as client:
        assert await ask(client, server.endpoint) == (200, b"{}")


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


async def test_a_call_outlasts_whatever_is_no_answer(server: HostileServer) -> None:
    half = say_and_hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
    found = {"Items": ["x" * 100_000]}
    server.behaviours = {"": [answer(503), reset, half, answer(200, body=json.dumps(found).encode())]}

    async with client_of(server) as client:
        url = server.endpoint.removesuffix("/{stage}")
        api = DynamoApi(client, url, REGION, keys, retry=FOUR_TIMES)
        assert await api.call("Query", {"Limit": 1}) == found

    assert {request.body for request in server.requests} == {b'{"Limit": 1}'}

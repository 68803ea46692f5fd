"""The HTTP client and its connections, against servers that keep, drop and never answer them."""

import asyncio
import socket
import ssl
import time
from asyncio import StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chalicelib.aws.http import HttpClient, NoAnswer, parse_endpoint
from chalicelib.aws.sigv4 import SignedRequests
from tests.fakes.loop_clock import LoopClock
from tests.integration.aws.hostile_server import (
    OK,
    REGION,
    Behaviour,
    HostileServer,
    never,
    reset,
    say,
    say_and_hang_up,
)
from tests.integration.aws.sending import TIMEOUT, http_client, keys


@asynccontextmanager
async def client_of(server: HostileServer, **options: Any) -> AsyncIterator[HttpClient]:
    client = http_client(server, **options)
    try:
        yield client
    finally:
        await client.close()


async def ask(
    client: HttpClient, url: str, connection_id: str = "a", body: bytes = b"{}"
) -> tuple[int, bytes]:
    endpoint = parse_endpoint(url.format(stage="prod"))
    signing = "execute-api", REGION, keys(), time.time
    post = SignedRequests(*signing, "POST", endpoint, "/@connections/", body)
    return await client.request(endpoint, post.to(connection_id))


OK_TEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKS = b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: a\r\n\r\n"
ANSWERS: list[tuple[bytes, tuple[int, bytes]]] = [
    (OK_TEXT, (200, b"{}")),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (200, b"")),
    (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
    (b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS, (410, b"hello!")),
    (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40_000, (502, b"x" * 40_000)),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK_TEXT, (200, b"{}")),
    (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK_TEXT, (200, b"{}")),
]


@pytest.mark.parametrize(("data", "answer"), ANSWERS)
@pytest.mark.parametrize("piece", [7, 100_000])
async def test_an_answer_is_heard_and_its_connection_kept(
    server: HostileServer, data: bytes, answer: tuple[int, bytes], piece: int
) -> None:
    server.otherwise = say(*(data[start : start + piece] for start in range(0, len(data), piece)))

    async with client_of(server) as client:
        answers = [await ask(client, server.endpoint) for _ in range(3)]

    assert answers == [answer] * 3
    assert server.accepted == 1


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK_TEXT + OK_TEXT,
        OK_TEXT + b"HTTP/1.1 410",
        OK_TEXT + b"garbage",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}more",
    ],
)
async def test_an_answer_counts_on_a_connection_that_ends(server: HostileServer, data: bytes) -> None:
    server.otherwise = say(data)

    async with client_of(server) as client:
        answers = [await ask(client, server.endpoint) for _ in range(2)]

    assert answers == [(200, b"{}")] * 2
    assert server.accepted == 2


@pytest.mark.parametrize(
    ("behaviour", "status", "why"),
    [
        *(
            (say(data), status, "not HTTP/1.1")
            for data, status in [
                (b"SSH-2.0-OpenSSH_9.2\r\n", None),
                (b"\x15\x03\x01\x00\x02\x02\x16", None),
                (b"HTTP/1.1 2x0 OK\r\n\r\n", None),
                (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", None),
                (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", None),
            ]
        ),
        (say_and_hang_up(b"HTTP/1.1 410 Gone\r\nContent-Length: 100\r\n\r\nhalf a"), 410, "closed"),
        (say_and_hang_up(b"HTTP/1.1 410 Gone\r\n\r\nuntil the end"), 410, "closed"),
    ],
)
async def test_what_is_no_whole_answer_may_have_a_status(
    server: HostileServer, behaviour: Behaviour, status: int | None, why: str
) -> None:
    server.otherwise = behaviour

    async with client_of(server) as client:
        with pytest.raises(NoAnswer, match=why) as failed:
            await ask(client, server.endpoint)

    assert failed.value.status == status


@pytest.mark.parametrize("data", [b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", b"HT", b"\0"])
async def test_an_unasked_answer_ends_the_connection(server: HostileServer, data: bytes) -> None:
    async with client_of(server) as client:
        await ask(client, server.endpoint)
        [kept] = server.writers
        kept.write(data)
        while not kept.is_closing():  # noqa: ASYNC110 - until the client has read it, and closed
            await asyncio.sleep(0)

        assert await ask(client, server.endpoint) == (200, b"{}")

    assert server.accepted == 2


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 200", None),
        (b"HTTP/1.1 102 Processing\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", 200),
    ],
)
async def test_each_request_has_its_timeout(server: HostileServer, begun: bytes, status: int | None) -> None:
    clock = LoopClock()

    async def slowly(writer: StreamWriter) -> None:
        clock.now += 0.9 * TIMEOUT
        await asyncio.sleep(0)
        await OK(writer)

    async def too_slowly(writer: StreamWriter) -> None:
        writer.write(begun)
        await asyncio.sleep(0)
        clock.now += 1.1 * TIMEOUT
        await never(writer)

    server.behaviours = {"a": [*[slowly] * 5, too_slowly]}

    async with client_of(server) as client:
        answers = [await ask(client, server.endpoint) for _ in range(5)]
        with pytest.raises(NoAnswer, match=f"no answer within {TIMEOUT:g} s") as failed:
            await ask(client, server.endpoint)

    assert answers == [(200, b"{}")] * 5
    assert (failed.value.status, server.accepted) == (status, 1)


async def test_a_request_is_sent_in_the_pieces_that_are_taken(server: HostileServer) -> None:
    large = b"x" * 20_000_000

    async with client_of(server) as client:
        assert await ask(client, server.endpoint, body=large) == (200, b"{}")

    assert server.requests[0].body == large


async def test_a_connection_that_takes_no_more_is_replaced() -> None:
    async with HostileServer().serving() as server, client_of(server) as client:
        await ask(client, server.endpoint)
        [[kept]] = client._idle.values()
        kept._socket.shutdown(socket.SHUT_WR)

        assert await ask(client, server.endpoint) == (200, b"{}")


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


@pytest.mark.parametrize(
    ("dies", "posts"), [(reset, 2), (say_and_hang_up(b"HTTP/1.1 20"), 1)], ids=["silently", "answering"]
)
async def test_a_silent_end_costs_one_more_post(server: HostileServer, dies: Behaviour, posts: int) -> None:
    async with client_of(server) as client:
        await asyncio.gather(*(ask(client, server.endpoint) for _ in range(4)))

        server.otherwise = dies
        with pytest.raises(NoAnswer):
            await ask(client, server.endpoint, "killer")

    assert server.posted_to("killer") == posts


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

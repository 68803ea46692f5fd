"""Servers that are there and yet not: connections that opened, and carry nothing, or too little, any more."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from chalicelib.connections.messages import DeliveryReport
from chalicelib.push.client import ConnectionsClient
from chalicelib.push.retry import RetryPolicy
from tests.integration.push.broadcasts import HELLO, client_of, crowd, outcome, paged, to
from tests.integration.push.hostile_server import (
    KEYS,
    OK,
    REGION,
    Behaviour,
    HostileServer,
    Wire,
    never,
    when,
)

TWICE = RetryPolicy(attempts=2, base_seconds=0.01, cap_seconds=0.01)


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


def forever(start: bytes, piece: bytes) -> Behaviour:
    """Say a piece again and again, each long before a client could lose its patience."""

    async def behave(wire: Wire) -> None:
        wire.say(start)
        while not wire.writer.is_closing():
            wire.say(piece)
            await asyncio.sleep(0.005)

    return behave


@pytest.mark.parametrize(
    ("scheme", "reason"),
    [
        ("http", "no answer within 0.1 s, after 2 attempts"),
        ("https", "no connection to 127.0.0.1:{port}: timed out, after 2 attempts"),
    ],
)
async def test_a_server_that_accepts_and_never_speaks_uses_up_the_attempts(scheme: str, reason: str) -> None:
    async with silent_server() as port:
        client = ConnectionsClient(
            f"{scheme}://127.0.0.1:{port}/{{stage}}", REGION, lambda: KEYS, post_timeout=0.1, retry=TWICE
        )
        report = await client.broadcast(HELLO, paged(to("a", "b")), within=10)
        await client.close()

    assert [post.reason for post in report.failed] == [reason.format(port=port)] * 2


async def test_idle_connections_that_died_unnoticed_cost_one_attempt_and_not_one_each(
    server: HostileServer,
) -> None:
    held = asyncio.Event()
    server.otherwise = when(held, OK)

    async with client_of(server, window=8, retry=TWICE, post_timeout=0.5) as client:
        first = asyncio.create_task(client.broadcast(HELLO, paged(crowd(8)), within=10))
        await server.in_flight_reaches(8)
        held.set()
        await first
        dead = set(server.wires)

        async def dead_or_ok(wire: Wire) -> None:
            await (never if wire in dead else OK)(wire)

        server.otherwise = dead_or_ok
        second = await client.broadcast(HELLO, paged(crowd(3)), within=10)

    assert len(dead) == 8
    assert second == DeliveryReport(delivered=3, retried=3)


async def test_a_slow_answer_costs_no_connection_that_answered_meanwhile(server: HostileServer) -> None:
    server.behaviours = {"slow": [OK, never]}

    async with client_of(server, window=4, retry=RetryPolicy(attempts=1), post_timeout=0.5) as client:
        await client.broadcast(HELLO, paged(to("slow"), crowd(40)), within=10)
        report = await client.broadcast(HELLO, paged(to("slow"), crowd(40)), within=10)
        await client.broadcast(HELLO, paged(crowd(3)), within=10)

    assert outcome(report) == {"slow": "failed None"}
    assert server.accepted <= 4


@pytest.mark.parametrize(
    "endless",
    [
        forever(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n"),
        forever(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        forever(b"", b"H"),
    ],
)
async def test_an_answer_that_never_says_its_status_is_none(
    server: HostileServer, endless: Behaviour
) -> None:
    server.behaviours = {"endless": [endless]}

    async with client_of(server, retry=TWICE, post_timeout=0.5) as client:
        report = await client.broadcast(HELLO, paged(to("endless"), crowd(20)), within=10)

    assert report.delivered == 20
    assert outcome(report) == {"endless": "failed None"}


async def test_a_status_with_a_body_that_never_ends_counts_when_patience_does(server: HostileServer) -> None:
    chunks = forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")
    server.behaviours = {"endless": [chunks]}

    async with client_of(server, retry=TWICE, post_timeout=0.5) as client:
        report = await client.broadcast(HELLO, paged(to("endless"), crowd(20)), within=10)

    assert report == DeliveryReport(delivered=21)
    assert server.posted_to("endless") == 1


async def test_a_connection_that_is_closed_in_one_direction_serves_no_more() -> None:
    async def answer_and_say_no_more(wire: Wire) -> None:
        await OK(wire)
        wire.writer.write_eof()  # and go on reading, as if the next request were welcome

    async with (
        HostileServer(otherwise=answer_and_say_no_more).serving() as server,
        client_of(server, window=2, retry=RetryPolicy(attempts=1)) as client,
    ):
        report = await client.broadcast(HELLO, paged(crowd(20)), within=10)

    assert report.delivered == 20


def uvloops() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop  # noqa: PLC0415 - is not there on Windows

    return uvloop.new_event_loop


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not published for Windows")
def test_the_client_runs_on_uvloop_as_well() -> None:
    async def broadcast() -> DeliveryReport:
        async with HostileServer().serving() as server, client_of(server) as client:
            return await client.broadcast(HELLO, paged(crowd(100)), within=10)

    with asyncio.Runner(loop_factory=uvloops()) as runner:
        report = runner.run(broadcast())

    assert report == DeliveryReport(delivered=100)

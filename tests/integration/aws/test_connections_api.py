"""Posting to a server that answers as badly as it can, on plain connections and over TLS."""

import asyncio
from asyncio import StreamWriter

import pytest

from chalicelib.aws.connections_api import ConnectionsApi
from chalicelib.aws.http import HttpClient
from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import Outcome
from tests.fakes.loop_clock import LoopClock
from tests.integration.aws.hostile_server import OK, REGION, HostileServer, never, when
from tests.integration.aws.sending import HELLO, TIMEOUT, TWICE, api_of, crowd, keys, to


async def test_everybody_gets_the_message_once(server: HostileServer) -> None:
    async with api_of(server) as api:
        outcome = await api.send(HELLO, crowd(300), within=60)

    assert len(outcome.delivered) == 300
    assert outcome == Outcome(delivered=outcome.delivered)
    assert {(request.method, request.body) for request in server.requests} == {("POST", HELLO.plain)}
    assert sorted(request.path for request in server.requests) == [
        f"/prod/@connections/crowd{number:05}%3D" for number in range(300)
    ]


async def open_eight(api: ConnectionsApi, server: HostileServer) -> None:
    """Have eight connections, which are idle then."""
    held = asyncio.Event()
    server.otherwise = when(held, OK)
    sending = asyncio.create_task(api.send(HELLO, crowd(8), within=60))
    await server.in_flight_reaches(8)
    held.set()
    await sending


async def test_connections_that_died_unnoticed_cost_one_attempt(server: HostileServer) -> None:
    clock = LoopClock()

    async with api_of(server, window=8, retry=TWICE) as api:
        await open_eight(api, server)
        dead, lost = set(server.writers), []

        async def dead_or_ok(writer: StreamWriter) -> None:
            if writer in dead:
                lost.append(writer)
                if len(lost) == 3:
                    clock.now += TIMEOUT
                await never(writer)
            await OK(writer)

        server.otherwise = dead_or_ok
        outcome = await api.send(HELLO, crowd(3), within=10 * TIMEOUT)

    assert len(dead) == 8
    assert len(outcome.delivered) == 3
    assert outcome.retried == 3


async def test_connections_without_an_answer_are_not_used_again(server: HostileServer) -> None:
    server.otherwise = never

    async with api_of(server, window=8) as api:
        outcome = await api.send(HELLO, crowd(500), within=0.2)
        sending = asyncio.create_task(api.send(HELLO, crowd(50), within=60))
        await server.in_flight_reaches(server.in_flight + 8)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.otherwise = OK
        afterwards = await api.send(HELLO, to("next"), within=60)

    assert len({post.recipient for post in outcome.failed}) == len(outcome.failed) == 500
    assert {post.reason for post in outcome.failed} == {"time ran out"}
    assert len(server.requests) <= 8 + 8 + 1
    assert list(afterwards.delivered) == ["next"]


async def test_each_endpoint_gets_its_own_posts() -> None:
    """127.0.0.{api_id}: the server listens on .1 alone, and one that is away stops nobody at another."""
    recipients = [
        Recipient(f"{api}{stage}{number}", api, stage)
        for number in range(25)
        for api in ("1", "2")
        for stage in ("dev", "prod")
    ]

    async with HostileServer().serving() as server:
        endpoint = f"http://127.0.0.{{api_id}}:{server.port}/_aws/{{stage}}"
        async with api_of(server, endpoint, window=4) as api:
            outcome = await api.send(HELLO, recipients, within=60)

    assert server.bad_signatures == []
    assert all("no connection to 127.0.0.2" in post.reason for post in outcome.failed)
    assert {post.recipient.connection_id for post in outcome.failed} == {
        one.connection_id for one in recipients if one.api_id == "2"
    }
    assert sorted(request.path for request in server.requests) == sorted(
        f"/_aws/{one.stage}/@connections/{one.connection_id}" for one in recipients if one.api_id == "1"
    )


def test_another_event_loop_can_post_after_close() -> None:
    api = ConnectionsApi(HttpClient(), "http://127.0.0.1:1/{stage}", REGION, keys, window=2)

    async def send_and_close() -> int:
        async with HostileServer().serving() as server:
            api.endpoint = server.endpoint
            outcome = await api.send(HELLO, crowd(20), within=60)
            await api.close()
        return len(outcome.delivered)

    assert [asyncio.run(send_and_close()) for _ in range(2)] == [20, 20]

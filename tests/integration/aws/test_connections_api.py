"""Posting to a server that answers as badly as it can, on plain connections and over TLS."""

import asyncio
import sys
from collections.abc import Callable

import pytest

from chalicelib.aws.connections_api import ConnectionsApi
from chalicelib.aws.http import HttpClient
from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import Outcome
from chalicelib.retry import RetryPolicy
from tests.integration.aws.hostile_server import (
    GONE,
    OK,
    REGION,
    Behaviour,
    HostileServer,
    Wire,
    answer,
    never,
    reset,
    say,
    say_and_hang_up,
    when,
)
from tests.integration.aws.sending import (
    HELLO,
    ONCE,
    QUICK,
    TWICE,
    api_of,
    crowd,
    failures,
    http_client,
    keys,
    to,
)


def forever(start: bytes, piece: bytes) -> Behaviour:
    """Say a piece again and again, each long before a client could lose its patience."""

    async def behave(wire: Wire) -> None:
        wire.say(start)
        while not wire.writer.is_closing():
            wire.say(piece)
            await asyncio.sleep(0.005)

    return behave


async def test_everybody_gets_the_message_once(server: HostileServer) -> None:
    async with api_of(server) as api:
        outcome = await api.send(HELLO, crowd(300), within=60)

    assert len(outcome.delivered) == 300
    assert outcome == Outcome(delivered=outcome.delivered)
    assert {(request.method, request.body) for request in server.requests} == {("POST", HELLO.plain)}
    assert sorted(request.path for request in server.requests) == [
        f"/prod/@connections/crowd{number:05}%3D" for number in range(300)
    ]


@pytest.mark.parametrize(
    "passing",
    [
        answer(429),
        answer(503, b"Connection: close\r\n"),
        reset,
        say_and_hang_up(b""),
        say_and_hang_up(b"HTTP/1.1 200 O"),
        say_and_hang_up(b"HTTP/1.1 200 OK\r\nContent-Len"),
        say(b"\x00garbage\r\n\r\n"),
        say(b"SSH-2.0-OpenSSH\r\n"),
        say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    ],
)
async def test_what_passes_is_tried_again(server: HostileServer, passing: Behaviour) -> None:
    server.behaviours = {"a": [passing, passing, OK]}

    async with api_of(server) as api:
        outcome = await api.send(HELLO, [*to("a"), *crowd(20)], within=60)

    assert len(outcome.delivered) == 21
    assert server.posted_to("a") == 3


@pytest.mark.parametrize(
    "full",
    [
        answer(204),
        answer(200, b"Connection: close\r\n"),
        say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"0\r\n\r\n"),
        say(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-", b"Length: 0\r\n\r\n"),
        say_and_hang_up(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"),
        say_and_hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"),
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\x00\x01"),
    ],
)
async def test_every_way_to_say_200_is_one_delivery(server: HostileServer, full: Behaviour) -> None:
    server.otherwise = full

    async with api_of(server, window=4) as api:
        outcome = await api.send(HELLO, crowd(20), within=60)

    assert len(outcome.delivered) == 20
    assert outcome == Outcome(delivered=outcome.delivered)
    assert len(server.requests) == 20


async def test_an_answer_that_never_comes_is_tried_again(server: HostileServer) -> None:
    server.behaviours = {"silent": [never], "once": [never, OK], "drip": [say(b"HTTP/1.1 200")]}

    async with api_of(server, http_client(server, 0.5)) as api:
        outcome = await api.send(HELLO, [*to("silent", "once", "drip"), *crowd(50)], within=60)

    assert len(outcome.delivered) == 51
    assert failures(outcome) == {"silent": None, "drip": None}
    assert {post.reason for post in outcome.failed} == {"no answer within 0.5 s"}
    assert 1 <= server.posted_to("silent") <= 4  # a busy server may not have read what was given up


@pytest.mark.parametrize(
    "endless",
    [
        forever(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n"),
        forever(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        forever(b"", b"H"),
    ],
)
async def test_an_answer_without_a_status_is_none(server: HostileServer, endless: Behaviour) -> None:
    server.behaviours = {"endless": [endless]}

    async with api_of(server, http_client(server, 0.5), retry=TWICE) as api:
        outcome = await api.send(HELLO, [*to("endless"), *crowd(20)], within=60)

    assert len(outcome.delivered) == 20
    assert failures(outcome) == {"endless": None}


async def test_a_status_counts_though_its_body_never_ends(server: HostileServer) -> None:
    chunks = forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")
    server.behaviours = {"endless": [chunks]}

    async with api_of(server, http_client(server, 0.5), retry=TWICE) as api:
        outcome = await api.send(HELLO, [*to("endless"), *crowd(20)], within=60)

    assert len(outcome.delivered) == 21
    assert server.posted_to("endless") == 1


async def test_a_slow_answer_holds_up_only_its_own_connection(server: HostileServer) -> None:
    others_done = asyncio.Event()

    async def last(wire: Wire) -> None:
        await OK(wire)
        others_done.set()

    server.behaviours = {"slow": [when(others_done, OK)], "crowd00099=": [last]}

    async with api_of(server, window=2) as api:
        outcome = await api.send(HELLO, [*to("slow"), *crowd(100)], within=60)

    assert len(outcome.delivered) == 101


async def test_the_window_is_used_and_never_exceeded(server: HostileServer) -> None:
    full = asyncio.Event()

    async def hold(wire: Wire) -> None:
        if server.in_flight == 5:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        await OK(wire)

    server.otherwise = hold

    async with api_of(server, window=5) as api:
        outcomes = await asyncio.gather(*(api.send(HELLO, crowd(count), within=60) for count in (60, 40)))

    assert [len(outcome.delivered) for outcome in outcomes] == [60, 40]
    assert server.most_in_flight == 5
    assert server.accepted <= 5


async def test_connections_that_died_while_idle_cost_no_attempt(server: HostileServer) -> None:
    held = asyncio.Event()
    server.otherwise = when(held, OK)

    async with api_of(server, window=8, retry=ONCE) as api:
        first = asyncio.create_task(api.send(HELLO, crowd(8), within=60))
        await server.in_flight_reaches(8)
        held.set()
        await first
        for wire in server.wires:
            wire.reset()
        outcome = await api.send(HELLO, crowd(8), within=60)

    assert len(outcome.delivered) == 8
    assert outcome.retried == 0


async def test_connections_that_died_unnoticed_cost_one_attempt_together(server: HostileServer) -> None:
    held = asyncio.Event()
    server.otherwise = when(held, OK)

    async with api_of(server, http_client(server, 0.5), window=8, retry=TWICE) as api:
        first = asyncio.create_task(api.send(HELLO, crowd(8), within=60))
        await server.in_flight_reaches(8)
        held.set()
        await first
        dead = set(server.wires)

        async def dead_or_ok(wire: Wire) -> None:
            await (never if wire in dead else OK)(wire)

        server.otherwise = dead_or_ok
        outcome = await api.send(HELLO, crowd(3), within=60)

    assert len(dead) == 8
    assert len(outcome.delivered) == 3
    assert outcome.retried == 3


async def test_a_slow_answer_costs_no_connection_that_answered_meanwhile(server: HostileServer) -> None:
    server.behaviours = {"slow": [OK, never]}

    async with api_of(server, http_client(server, 0.5), window=4, retry=ONCE) as api:
        await api.send(HELLO, [*to("slow"), *crowd(40)], within=60)
        outcome = await api.send(HELLO, [*to("slow"), *crowd(40)], within=60)
        await api.send(HELLO, crowd(3), within=60)

    assert failures(outcome) == {"slow": None}
    assert server.accepted <= 4


async def test_a_post_that_kills_its_connections_uses_up_its_attempts(server: HostileServer) -> None:
    server.behaviours = {"killer": [reset]}

    async with api_of(server, window=2) as api:
        outcome = await api.send(HELLO, [*crowd(50), *to("killer"), *crowd(100)[50:]], within=60)

    assert len(outcome.delivered) == 100
    assert failures(outcome) == {"killer": None}
    assert server.posted_to("killer") <= QUICK.attempts * 2  # each may meet a connection that has served


async def test_connections_reset_on_accept_are_opened_again(server: HostileServer) -> None:
    server.reset_on_accept = 3

    async with api_of(server, window=2) as api:
        outcome = await api.send(HELLO, crowd(20), within=60)

    assert len(outcome.delivered) == 20


async def test_a_server_that_is_away_fails_everyone() -> None:
    async with HostileServer().serving() as server:
        pass

    async with api_of(server) as api:
        outcome = await api.send(HELLO, crowd(100), within=60)

    assert outcome.delivered == {}
    assert set(failures(outcome).values()) == {None}
    assert len(outcome.failed) == 100
    assert all("no connection to 127.0.0.1" in post.reason for post in outcome.failed)


async def test_a_server_that_comes_back_gets_its_posts() -> None:
    server = HostileServer()
    async with server.serving():
        pass
    patient = RetryPolicy(attempts=1000, base_seconds=0.02, cap_seconds=0.02)

    async with api_of(server, retry=patient) as api:
        sending = asyncio.create_task(api.send(HELLO, crowd(20), within=60))
        await asyncio.sleep(0)
        async with server.serving():
            outcome = await sending

    assert len(outcome.delivered) == 20


async def test_when_time_runs_out_the_connections_are_not_used_again(server: HostileServer) -> None:
    server.otherwise = never

    async with api_of(server, window=8) as api:
        outcome = await api.send(HELLO, crowd(500), within=0.2)
        server.otherwise = OK
        afterwards = await api.send(HELLO, to("next"), within=60)

    assert len(failures(outcome)) == 500
    assert {post.reason for post in outcome.failed} == {"time ran out"}
    assert len(server.requests) <= 8 + 1
    assert list(afterwards.delivered) == ["next"]


async def test_a_send_that_is_cancelled_leaves_nothing_behind(server: HostileServer) -> None:
    server.otherwise = never

    async with api_of(server, window=4) as api:
        sending = asyncio.create_task(api.send(HELLO, crowd(50), within=60))
        await server.in_flight_reaches(4)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.otherwise = OK
        outcome = await api.send(HELLO, to("next"), within=60)

    assert list(outcome.delivered) == ["next"]
    assert len(server.requests) == 5


async def test_each_api_and_stage_has_its_own_endpoint() -> None:
    recipients = [
        Recipient(f"{api}{stage}{n}", api, stage)
        for n in range(10)
        for api in ("one", "two")
        for stage in ("dev", "prod")
    ]

    async with HostileServer().serving() as server:
        endpoint = f"http://127.0.0.1:{server.port}/_aws/execute-api/{{api_id}}/{{stage}}"
        api = ConnectionsApi(HttpClient(), endpoint, REGION, keys)
        outcome = await api.send(HELLO, recipients, within=60)
        await api.close()

    assert len(outcome.delivered) == 40
    assert server.bad_signatures == []
    assert {request.path for request in server.requests} == {
        f"/_aws/execute-api/{one.api_id}/{one.stage}/@connections/{one.connection_id}" for one in recipients
    }


async def test_an_endpoint_that_is_away_stops_nobody_at_another() -> None:
    recipients = [Recipient(f"c{n}", "1" if n % 2 else "2", "prod") for n in range(100)]

    async with HostileServer().serving() as server:
        # 127.0.0.{api_id}: the server listens on .1 alone.
        endpoint = f"http://127.0.0.{{api_id}}:{server.port}/{{stage}}"
        api = ConnectionsApi(HttpClient(), endpoint, REGION, keys, retry=QUICK, window=4)
        outcome = await api.send(HELLO, recipients, within=60)
        await api.close()

    assert len(outcome.delivered) == 50
    assert {post.recipient.api_id for post in outcome.failed} == {"2"}
    assert len(outcome.failed) == 50


async def test_disconnect_deletes_the_connection(server: HostileServer) -> None:
    server.behaviours = {"here": [answer(204)], "gone": [GONE], "refused": [answer(403)]}

    async with api_of(server) as api:
        closed = [await api.disconnect(recipient) for recipient in to("here", "gone", "refused")]

    assert closed == [True, True, False]
    assert [(request.method, request.connection_id) for request in server.requests] == [
        ("DELETE", "here"),
        ("DELETE", "gone"),
        ("DELETE", "refused"),
    ]


def test_another_event_loop_can_post_once_the_api_is_closed() -> None:
    server = HostileServer()
    api = ConnectionsApi(HttpClient(), "http://127.0.0.1:1/{stage}", REGION, keys, window=2, retry=ONCE)

    async def send_and_close() -> int:
        async with server.serving():
            api.endpoint = server.endpoint
            outcome = await api.send(HELLO, crowd(20), within=60)
            await api.close()
        server.port = 0
        return len(outcome.delivered)

    assert [asyncio.run(send_and_close()) for _ in range(2)] == [20, 20]


def uvloops() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop  # noqa: PLC0415 - is not there on Windows

    return uvloop.new_event_loop


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not published for Windows")
def test_posting_works_on_uvloop_as_well() -> None:
    async def send() -> int:
        async with HostileServer().serving() as server, api_of(server) as api:
            return len((await api.send(HELLO, crowd(100), within=60)).delivered)

    with asyncio.Runner(loop_factory=uvloops()) as runner:
        delivered = runner.run(send())

    assert delivered == 100

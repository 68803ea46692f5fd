import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, Message
from chalicelib.errors import Unavailable
from chalicelib.push.client import ConnectionsClient
from chalicelib.push.rate import TokenBucket
from chalicelib.push.retry import RetryPolicy
from tests.integration.push.broadcasts import HELLO, QUICK, client_of, crowd, outcome, paged, to
from tests.integration.push.hostile_server import (
    GONE,
    KEYS,
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


async def test_every_recipient_of_every_page_gets_the_message_once(server: HostileServer) -> None:
    everyone = crowd(300)

    async with client_of(server) as client:
        report = await client.broadcast(
            HELLO, paged(everyone[:120], [], everyone[120:121], everyone[121:]), within=10
        )

    assert report == DeliveryReport(delivered=300)
    assert [request.method for request in server.requests] == ["POST"] * 300
    assert {request.body for request in server.requests} == {HELLO.plain}
    assert sorted(request.path for request in server.requests) == [
        f"/prod/@connections/crowd{number:05}%3D" for number in range(300)
    ]


async def test_nobody_to_tell_is_an_empty_report_and_no_connection(server: HostileServer) -> None:
    async with client_of(server) as client:
        report = await client.broadcast(HELLO, paged([], []), within=10)

    assert report == DeliveryReport()
    assert server.accepted == 0


async def test_the_cursor_goes_to_those_who_opted_in(server: HostileServer) -> None:
    recipients = [Recipient("old", "abc", "prod"), Recipient("new", "abc", "prod", wants_cursor=True)]

    async with client_of(server) as client:
        await client.broadcast(Message(b"plain", b"with cursor"), paged(recipients), within=10)

    assert {request.connection_id: request.body for request in server.requests} == {
        "old": b"plain",
        "new": b"with cursor",
    }


async def test_each_answer_has_its_place_in_the_report_and_stops_nobody_else(server: HostileServer) -> None:
    server.behaviours = {
        "gone": [GONE],
        "bad": [answer(400)],
        "forbidden": [answer(403)],
        "large": [answer(413)],
        "moved": [answer(301)],
        "slow": [answer(429)],
        "broken": [answer(500)],
    }

    async with client_of(server) as client:
        report = await client.broadcast(
            HELLO, paged([*to(*server.behaviours), *crowd(100)], crowd(200)[100:]), within=10
        )

    assert report.delivered == 200
    assert report.audience == 207
    assert outcome(report) == {
        "gone": "gone",
        "bad": "refused 400",
        "forbidden": "refused 403",
        "large": "refused 413",
        "moved": "refused 301",
        "slow": "failed 429",
        "broken": "failed 500",
    }
    assert [server.posted_to(id_) for id_ in ("gone", "forbidden", "slow", "broken")] == [1, 1, 4, 4]
    assert report.retried == 6


@pytest.mark.parametrize(
    "passing",
    [
        answer(429),
        answer(500),
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
async def test_what_passes_is_retried_until_it_has_passed(server: HostileServer, passing: Behaviour) -> None:
    server.behaviours = {"a": [passing, passing, OK]}

    async with client_of(server) as client:
        report = await client.broadcast(HELLO, paged(to("a"), crowd(20)), within=10)

    assert report == DeliveryReport(delivered=21, retried=report.retried)
    assert report.retried >= 2


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

    async with client_of(server, window=4) as client:
        report = await client.broadcast(HELLO, paged(crowd(20)), within=10)

    assert report.delivered == 20
    assert report.audience == 20


async def test_an_answer_that_never_comes_is_tried_again_within_the_attempts(server: HostileServer) -> None:
    server.behaviours = {"silent": [never], "once": [never, OK], "drip": [say(b"HTTP/1.1 200")]}

    async with client_of(server, post_timeout=0.5) as client:
        report = await client.broadcast(HELLO, paged(to("silent", "once", "drip"), crowd(50)), within=10)

    assert report.delivered == 51
    assert outcome(report) == {"silent": "failed None", "drip": "failed None"}
    assert 1 <= server.posted_to("silent") <= 4  # a busy server may not have read what was given up
    assert "no answer within 0.5 s, after 4 attempts" in {post.reason for post in report.failed}


async def test_a_slow_answer_holds_up_only_its_own_connection(server: HostileServer) -> None:
    others_done = asyncio.Event()

    async def last(wire: Wire) -> None:
        await OK(wire)
        others_done.set()

    server.behaviours = {"slow": [when(others_done, OK)], "crowd00099=": [last]}

    async with client_of(server, window=2) as client:
        report = await client.broadcast(HELLO, paged(to("slow"), crowd(100)), within=10)

    assert report == DeliveryReport(delivered=101)


async def test_a_retry_that_waits_holds_no_place_in_the_window(server: HostileServer) -> None:
    server.behaviours = {"throttled": [answer(429), OK]}
    patient = RetryPolicy(attempts=2, base_seconds=0.2, cap_seconds=0.2)

    async with client_of(server, window=1, retry=patient, random=lambda: 0.999) as client:
        report = await client.broadcast(HELLO, paged(to("throttled"), crowd(30)), within=10)

    assert report == DeliveryReport(delivered=31, retried=1)
    assert server.requests[-1].connection_id == "throttled"


async def test_the_window_is_used_and_never_exceeded(server: HostileServer) -> None:
    full = asyncio.Event()

    async def hold(wire: Wire) -> None:
        if server.in_flight == 5:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        await OK(wire)

    server.otherwise = hold

    async with client_of(server, window=5) as client:
        reports = await asyncio.gather(
            client.broadcast(HELLO, paged(crowd(60)), within=10),
            client.broadcast(HELLO, paged(crowd(40)), within=10),
        )

    assert [report.delivered for report in reports] == [60, 40]
    assert server.most_in_flight == 5
    assert server.accepted <= 5


async def test_a_small_broadcast_is_not_held_up_by_a_large_one(server: HostileServer) -> None:
    held = asyncio.Event()
    server.otherwise = when(held, OK)

    async with client_of(server, window=2) as client:
        large = asyncio.create_task(client.broadcast(HELLO, paged(crowd(2000)), within=30))
        await server.in_flight_reaches(2)
        others = to(*(f"small{n}" for n in range(10)))
        late = asyncio.create_task(client.broadcast(HELLO, paged(others), within=30))
        held.set()
        small = await late
        large_was_done = large.done()
        report = await large

    assert small.delivered == 10
    assert not large_was_done
    assert report.delivered == 2000


async def test_connections_are_kept_for_the_next_broadcast(server: HostileServer) -> None:
    async with client_of(server, window=3) as client:
        await client.broadcast(HELLO, paged(crowd(30)), within=10)
        accepted = server.accepted
        await client.broadcast(HELLO, paged(crowd(30)), within=10)

    assert 1 <= accepted <= 3
    assert server.accepted <= 3


async def test_posts_on_connections_that_died_while_idle_cost_no_attempt(server: HostileServer) -> None:
    only_one = RetryPolicy(attempts=1)
    held = asyncio.Event()
    server.otherwise = when(held, OK)

    async with client_of(server, window=8, retry=only_one) as client:
        first = asyncio.create_task(client.broadcast(HELLO, paged(crowd(8)), within=10))
        await server.in_flight_reaches(8)
        held.set()
        await first
        for wire in server.wires:
            wire.reset()
        second = await client.broadcast(HELLO, paged(crowd(8)), within=10)

    assert second == DeliveryReport(delivered=8, retried=8)


async def test_a_dead_connection_makes_its_idle_siblings_suspect(server: HostileServer) -> None:
    held = asyncio.Event()
    server.otherwise = when(held, OK)

    async with client_of(server, window=8, retry=RetryPolicy(attempts=1)) as client:
        first = asyncio.create_task(client.broadcast(HELLO, paged(crowd(8)), within=10))
        await server.in_flight_reaches(8)
        held.set()
        await first
        dead = set(server.wires)

        async def dead_or_ok(wire: Wire) -> None:
            await (reset if wire in dead else OK)(wire)

        server.otherwise = dead_or_ok
        second = await client.broadcast(HELLO, paged(crowd(3)), within=10)

    assert second == DeliveryReport(delivered=3, retried=3)


async def test_a_connection_that_was_idle_for_a_minute_is_not_trusted(server: HostileServer) -> None:
    now = [1_762_000_000.0]

    async with client_of(server, window=1, clock=lambda: now[0]) as client:
        await client.broadcast(HELLO, paged(crowd(5)), within=10)
        now[0] += 60
        report = await client.broadcast(HELLO, paged(crowd(5)), within=10)

    assert report == DeliveryReport(delivered=5)
    assert server.accepted == 2


async def test_a_connection_that_closes_at_every_second_request_costs_one_resend_a_post(
    server: HostileServer,
) -> None:
    served: set[Wire] = set()

    async def once(wire: Wire) -> None:
        if wire in served:
            wire.reset()
        else:
            served.add(wire)
            await OK(wire)

    server.otherwise = once

    async with client_of(server, window=1) as client:
        report = await client.broadcast(HELLO, paged(crowd(20)), within=10)

    assert report.delivered == 20
    assert report.retried == 19


async def test_connections_reset_on_accept_are_opened_again(server: HostileServer) -> None:
    server.reset_on_accept = 3

    async with client_of(server, window=2) as client:
        report = await client.broadcast(HELLO, paged(crowd(20)), within=10)

    assert report.delivered == 20


async def test_a_post_that_kills_its_connection_each_time_uses_up_its_attempts(server: HostileServer) -> None:
    server.behaviours = {"killer": [reset]}

    async with client_of(server, window=2) as client:
        report = await client.broadcast(HELLO, paged(crowd(50), to("killer"), crowd(100)[50:]), within=10)

    assert report.delivered == 100
    assert outcome(report) == {"killer": "failed None"}
    assert server.posted_to("killer") <= QUICK.attempts + 1


async def test_a_retry_that_would_come_too_late_fails_without_waiting(server: HostileServer) -> None:
    server.behaviours = {"throttled": [answer(429)]}
    too_slow = RetryPolicy(attempts=2, base_seconds=3600, cap_seconds=3600)

    async with client_of(server, retry=too_slow, random=lambda: 0.5) as client, asyncio.timeout(60):
        report = await client.broadcast(HELLO, paged(to("throttled")), within=600)

    assert [post.reason for post in report.failed] == ["answered 429, and time ran out"]


async def test_a_server_that_is_away_fails_everyone_within_the_attempts() -> None:
    async with HostileServer().serving() as server:
        pass

    async with client_of(server) as client:
        report = await client.broadcast(HELLO, paged(crowd(100)), within=10)

    assert report.delivered == 0
    assert set(outcome(report).values()) == {"failed None"}
    assert report.audience == 100
    assert all("no connection to 127.0.0.1" in post.reason for post in report.failed)


async def test_a_server_that_comes_back_gets_its_posts() -> None:
    server = HostileServer()
    async with server.serving():
        pass
    patient = RetryPolicy(attempts=50, base_seconds=0.02, cap_seconds=0.02)

    async with client_of(server, retry=patient) as client:
        broadcast = asyncio.create_task(client.broadcast(HELLO, paged(crowd(20)), within=10))
        await asyncio.sleep(0)
        async with server.serving():
            report = await broadcast

    assert report.delivered == 20


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".invalid"])
async def test_a_host_that_cannot_be_found_is_a_failure_of_its_recipients_alone(host: str) -> None:
    client = ConnectionsClient(
        f"http://{host}/{{stage}}", REGION, lambda: KEYS, retry=RetryPolicy(attempts=1)
    )

    report = await client.broadcast(HELLO, paged(crowd(3)), within=10)

    await client.close()
    assert set(outcome(report).values()) == {"failed None"}
    assert report.audience == 3


async def test_when_time_runs_out_the_rest_fails_at_once_and_nobody_is_missing(server: HostileServer) -> None:
    server.behaviours = {"crowd00003=": [answer(429)]}
    server.otherwise = never
    everyone = crowd(500)
    slow_retry = RetryPolicy(attempts=9, base_seconds=60, cap_seconds=60)
    loop = asyncio.get_running_loop()
    started = loop.time()

    async with client_of(server, window=8, retry=slow_retry) as client:
        report = await client.broadcast(
            HELLO, paged(everyone[:100], everyone[100:300], everyone[300:]), within=0.2
        )
        server.otherwise = OK
        afterwards = await client.broadcast(HELLO, paged(to("next")), within=10)

    assert loop.time() - started < 2
    assert len(outcome(report)) == 500
    assert set(outcome(report).values()) == {"failed None", "failed 429"}
    assert len(server.requests) <= 8 + 2
    assert afterwards == DeliveryReport(delivered=1)


async def test_a_page_that_cannot_be_read_is_raised_after_what_was_begun_is_done(
    server: HostileServer,
) -> None:
    class PageLost(Exception):
        pass

    async def pages() -> AsyncIterator[Sequence[Recipient]]:
        yield crowd(50)
        raise PageLost

    async with client_of(server, window=4) as client:
        with pytest.raises(PageLost):
            await client.broadcast(HELLO, pages(), within=10)
        done = len(server.requests)
        again = await client.broadcast(HELLO, paged(to("next")), within=10)

    assert done == 50
    assert again.delivered == 1


async def test_one_page_is_read_ahead_and_no_more(server: HostileServer) -> None:
    go_on = asyncio.Event()
    server.otherwise = when(go_on, OK)
    read: list[int] = []

    async def pages() -> AsyncIterator[Sequence[Recipient]]:
        for number in range(5):
            read.append(number)
            yield to(*(f"page{number}-{n}" for n in range(10)))

    async with client_of(server, window=2) as client:
        broadcast = asyncio.create_task(client.broadcast(HELLO, pages(), within=10))
        await server.in_flight_reaches(2)
        read_ahead = list(read)
        go_on.set()
        report = await broadcast

    assert read_ahead == [0, 1]
    assert read == [0, 1, 2, 3, 4]
    assert report.delivered == 50


async def test_a_broadcast_that_is_cancelled_leaves_nothing_behind(server: HostileServer) -> None:
    server.otherwise = never

    async with client_of(server, window=4) as client:
        broadcast = asyncio.create_task(client.broadcast(HELLO, paged(crowd(50)), within=10))
        await server.in_flight_reaches(4)
        broadcast.cancel()
        with pytest.raises(asyncio.CancelledError):
            await broadcast
        server.otherwise = OK
        report = await client.broadcast(HELLO, paged(to("next")), within=10)

    assert report == DeliveryReport(delivered=1)
    assert len(server.requests) == 5


async def test_connections_still_being_opened_for_a_cancelled_broadcast_are_no_promise_to_the_next(
    server: HostileServer,
) -> None:
    async def cancelled() -> AsyncIterator[Sequence[Recipient]]:
        yield crowd(5)
        raise asyncio.CancelledError

    async with client_of(server) as client:
        with pytest.raises(asyncio.CancelledError):
            await client.broadcast(HELLO, cancelled(), within=10)
        report = await client.broadcast(HELLO, paged(crowd(5)), within=10)

    assert report == DeliveryReport(delivered=5)


async def test_recipients_of_several_apis_go_each_to_its_own_endpoint() -> None:
    async with HostileServer().serving() as server:
        client = ConnectionsClient(
            f"http://127.0.0.1:{server.port}/_aws/execute-api/{{api_id}}/{{stage}}", REGION, lambda: KEYS
        )
        recipients = [
            Recipient(f"{api}{stage}{n}", api, stage)
            for n in range(10)
            for api in ("one", "two")
            for stage in ("dev", "prod")
        ]

        report = await client.broadcast(HELLO, paged(recipients), within=10)

        await client.close()
        assert report.delivered == 40
        assert server.bad_signatures == []
        assert {request.path for request in server.requests} == {
            f"/_aws/execute-api/{r.api_id}/{r.stage}/@connections/{r.connection_id}" for r in recipients
        }


async def test_an_endpoint_that_is_away_stops_nobody_at_another() -> None:
    recipients = [Recipient(f"c{n}", "1" if n % 2 else "2", "prod") for n in range(100)]

    async with HostileServer().serving() as server:
        # 127.0.0.{api_id}: the server listens on .1 alone.
        endpoint = f"http://127.0.0.{{api_id}}:{server.port}/{{stage}}"
        client = ConnectionsClient(endpoint, REGION, lambda: KEYS, retry=QUICK, window=4)
        report = await client.broadcast(HELLO, paged(recipients), within=10)
        await client.close()

    assert report.delivered == 50
    assert {post.recipient.api_id for post in report.failed} == {"2"}
    assert len(report.failed) == 50


async def test_the_rate_is_kept_and_everyone_is_told(server: HostileServer) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()

    async with client_of(server, rate=TokenBucket(200, 10)) as client:
        report = await client.broadcast(HELLO, paged(crowd(60)), within=10)

    assert report.delivered == 60
    assert 0.25 <= loop.time() - started < 1.5


async def test_disconnect_deletes_the_connection(server: HostileServer) -> None:
    server.behaviours = {"here": [answer(204)], "gone": [GONE], "flaky": [answer(500), answer(204)]}

    async with client_of(server) as client:
        for recipient in to("here", "gone", "flaky"):
            await client.disconnect(recipient)

    assert [(request.method, request.connection_id) for request in server.requests] == [
        ("DELETE", "here"),
        ("DELETE", "gone"),
        ("DELETE", "flaky"),
        ("DELETE", "flaky"),
    ]


async def test_a_disconnect_that_fails_is_logged_and_not_raised(
    server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.otherwise = answer(403)

    with caplog.at_level(logging.WARNING, "chalicelib.push"):
        async with client_of(server) as client:
            await client.disconnect(to("a=")[0])

    (record,) = caplog.records
    assert (record.message, vars(record)["connection_id"]) == ("A connection could not be closed", "a=")
    assert vars(record)["reasons"] == {"answered 403": 1}


async def test_what_is_logged_names_reasons_and_no_secret(
    server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.behaviours = {"a": [answer(403)], "b": [answer(500)]}

    with caplog.at_level(logging.DEBUG, "chalicelib.push"):
        async with client_of(server) as client:
            await client.broadcast(Message(b"the body"), paged(to("a", "b"), crowd(5)), within=10)

    (record,) = caplog.records
    assert KEYS.secret_key
    assert KEYS.token
    assert vars(record)["refused"] == {"answered 403": 1}
    assert vars(record)["failed"] == {"answered 500, after 4 attempts": 1}
    assert vars(record)["audience"] == 7
    assert not any(secret in str(vars(record)) for secret in (KEYS.secret_key, KEYS.token, "the body"))


def test_connections_survive_while_the_loop_does_not_run() -> None:
    server = HostileServer()

    with asyncio.Runner() as runner:
        serving = server.serving()
        runner.run(serving.__aenter__())
        client = ConnectionsClient(server.endpoint, REGION, lambda: KEYS, window=2)
        reports = [runner.run(client.broadcast(HELLO, paged(crowd(10)), within=10)) for _ in range(3)]
        runner.run(client.close())
        runner.run(serving.__aexit__(None, None, None))

    assert [report.delivered for report in reports] == [10, 10, 10]
    assert server.accepted <= 2


def test_another_event_loop_is_refused_until_the_client_is_closed() -> None:
    server = HostileServer()
    client = ConnectionsClient("http://127.0.0.1:1/{stage}", REGION, lambda: KEYS)

    async def broadcast_there() -> int:
        async with server.serving():
            return (await client.broadcast(HELLO, paged([]), within=10)).audience

    with asyncio.Runner() as first:
        first.run(broadcast_there())
        with asyncio.Runner() as second, pytest.raises(RuntimeError, match="belong to the event loop"):
            second.run(broadcast_there())
        first.run(client.close())

    assert asyncio.run(broadcast_there()) == 0


async def test_tls_verifies_the_certificate_unless_told_otherwise(tls: ssl.SSLContext) -> None:
    server = HostileServer()

    async with server.serving(tls), client_of(server, retry=RetryPolicy(attempts=1)) as client:
        report = await client.broadcast(HELLO, paged(to("a")), within=10)

    assert server.requests == []
    assert "CERTIFICATE_VERIFY_FAILED" in report.failed[0].reason


async def test_without_credentials_nothing_is_sent_and_the_reader_is_told_what_to_set(
    server: HostileServer,
) -> None:
    client = ConnectionsClient(server.endpoint, REGION, lambda: ReadOnlyCredentials(None, None, None))

    with pytest.raises(Unavailable, match="AWS_ACCESS_KEY_ID"):
        await client.broadcast(HELLO, paged(crowd(3)), within=10)

    assert server.requests == []


@pytest.mark.parametrize("bad", [{"window": 0}, {"post_timeout": 0}])
def test_bounds_that_allow_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="window must be 1 or more"):
        ConnectionsClient("http://127.0.0.1:1", REGION, lambda: KEYS, **bad)

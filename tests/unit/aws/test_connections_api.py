"""Posting through an HTTP client that answers each connection id as a test tells it to."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import SplitResult, unquote

import pytest

from chalicelib.aws.connections_api import ConnectionsApi
from chalicelib.aws.http import HttpClient, NoAnswer
from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import Message
from chalicelib.retry import RetryPolicy
from chalicelib.settings import Keys
from chalicelib.token_bucket import TokenBucket
from tests.fakes.loop_clock import LoopClock

HELLO = Message(b'{"type":"hello"}')
NOW = 1_762_000_000.0
CLOSED = NoAnswer("the connection was closed")
AT_ONCE = RetryPolicy(attempts=4, base_seconds=0, cap_seconds=0)


class InAnHour(RetryPolicy, frozen=True):
    def delay(self, *_: object) -> float:
        return 3600.0


class FakeHttp:
    """``answers`` holds what each connection id is answered, in turn; the last one stays."""

    timeout = 1.0

    def __init__(self, **answers: list[int | NoAnswer]) -> None:
        self.answers = answers
        self.now = NOW
        self.requests: list[tuple[str, str, bytes]] = []
        self.before_an_answer: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)
        self.in_flight = self.most_in_flight = 0
        self._turns: dict[str, int] = defaultdict(int)

    @property
    def posted_to(self) -> list[str]:
        return [connection_id for _, connection_id, _ in self.requests]

    async def in_flight_reaches(self, count: int) -> None:
        while self.in_flight < count:  # noqa: ASYNC110 - nothing else is waited for
            await asyncio.sleep(0)

    def clock(self) -> float:
        return self.now

    async def request(self, _endpoint: SplitResult, data: bytes) -> tuple[int, bytes]:
        head, _, body = data.partition(b"\r\n\r\n")
        method, path, _ = head.decode().split("\r\n")[0].split(" ")
        connection_id = unquote(path.rpartition("/")[2])
        self.requests.append((method, connection_id, body))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.before_an_answer()
        finally:
            self.in_flight -= 1
        answers = self.answers.get(connection_id, [200])
        answer = answers[min(self._turns[connection_id], len(answers) - 1)]
        self._turns[connection_id] += 1
        if isinstance(answer, NoAnswer):
            raise answer
        return answer, b""


def api_over(http: FakeHttp, **options: Any) -> ConnectionsApi:
    return ConnectionsApi(
        cast("HttpClient", http),
        "http://127.0.0.1:1/{stage}",
        "r",
        lambda: Keys("a", "s"),
        **{"retry": AT_ONCE, **options},
    )


def to(*connection_ids: str, token_expires_at: int = 0) -> list[Recipient]:
    return [Recipient(one, "abc", "prod", token_expires_at) for one in connection_ids]


def crowd(count: int) -> list[Recipient]:
    return to(*(f"crowd{number:05}=" for number in range(count)))


async def test_each_recipient_has_its_place_in_the_outcome() -> None:
    cut: dict[str, list[int | NoAnswer]] = {
        f"cut{status}": [NoAnswer("closed", status)] for status in (200, 410, 403)
    }  # only their bodies
    http = FakeHttp(
        gone=[410], forbidden=[403], large=[413], slow=[429], broken=[500], silent=[CLOSED], **cut
    )

    outcome = await api_over(http).send(
        HELLO, [*to(*http.answers), *to("old", token_expires_at=1), *crowd(100)], within=60
    )

    delivered = ["cut200", "old", *(one.connection_id for one in crowd(100))]
    assert outcome.delivered == dict.fromkeys(delivered, NOW)
    assert outcome.gone == to("gone", "cut410")
    assert {(post.recipient.connection_id, post.status, post.reason) for post in outcome.failed} == {
        ("forbidden", 403, "answered 403"),
        ("large", 413, "answered 413"),
        ("slow", 429, "answered 429"),
        ("broken", 500, "answered 500"),
        ("silent", None, "the connection was closed"),
        ("cut403", 403, "answered 403"),
    }
    assert len(outcome.failed) == 6
    assert outcome.retried == 3 * (AT_ONCE.attempts - 1)
    assert http.posted_to.count("slow") == AT_ONCE.attempts
    assert http.posted_to.count("forbidden") == http.posted_to.count("gone") == 1


@pytest.mark.parametrize(("retry", "within", "status"), [(InAnHour(2, 1, 1), 600, 429), (AT_ONCE, 0, None)])
async def test_what_would_come_too_late_fails_without_waiting(
    retry: RetryPolicy, within: float, status: int | None
) -> None:
    http = FakeHttp(throttled=[429])

    async with asyncio.timeout(60):
        outcome = await api_over(http, retry=retry).send(HELLO, to("throttled"), within=within)

    [failed] = outcome.failed
    assert (failed.status, failed.reason) == (status, "answered 429" if status else "time ran out")
    assert len(http.requests) == 1


async def test_retries_come_after_everybodys_first_post() -> None:
    http = FakeHttp(throttled=[429, 200])

    await api_over(http, window=1).send(HELLO, [*to("throttled"), *crowd(30)], within=60)

    assert http.posted_to[-1] == "throttled"
    assert len(http.requests) == 32


async def test_when_time_runs_out_everybody_else_fails() -> None:
    clock, http = LoopClock(), FakeHttp(throttled=[429])

    async def answer_the_first_two() -> None:
        if len(http.requests) > 2:
            clock.now += 60
            await asyncio.get_running_loop().create_future()

    http.before_an_answer = answer_the_first_two

    outcome = await api_over(http, window=2).send(HELLO, [*to("throttled", "quick"), *crowd(50)], within=60)

    assert list(outcome.delivered) == ["quick"]
    assert [post.recipient for post in outcome.failed] == [*to("throttled"), *crowd(50)]
    assert {(post.status, post.reason) for post in outcome.failed} == {
        (429, "answered 429"),
        (None, "time ran out"),
    }


async def test_the_cursor_goes_to_those_who_opted_in() -> None:
    http = FakeHttp()
    recipients = [Recipient("old", "abc", "prod"), Recipient("new", "abc", "prod", wants_cursor=True)]

    await api_over(http).send(Message(b"plain", b"with cursor"), recipients, within=60)
    await api_over(http).send(Message(b"only plain"), recipients[1:], within=60)

    assert [(connection_id, body) for _, connection_id, body in http.requests] == [
        ("old", b"plain"),
        ("new", b"with cursor"),
        ("new", b"only plain"),
    ]


async def test_an_expired_token_is_noticed_at_each_attempt() -> None:
    http = FakeHttp(brief=[429, 200], lasting=[429, 200])
    ended, brief, lasting = (
        Recipient(name, "abc", "prod", int(NOW) + seconds)
        for name, seconds in (("ended", 0), ("brief", 1), ("lasting", 9))
    )

    async def a_second_later() -> None:
        http.now += 0.5

    http.before_an_answer = a_second_later
    outcome = await api_over(http, window=1).send(
        Message(b"{}", while_token_lasts=True), [ended, brief, lasting], within=60
    )

    assert outcome.expired == [ended, brief]
    assert list(outcome.delivered) == ["lasting"]
    assert http.posted_to == ["brief", "lasting", "lasting"]


async def test_the_window_bounds_all_sends_together() -> None:
    http = FakeHttp()
    api = api_over(http, window=5)

    outcomes = await asyncio.gather(*(api.send(HELLO, crowd(count), within=60) for count in (60, 40)))

    assert [len(outcome.delivered) for outcome in outcomes] == [60, 40]
    assert http.most_in_flight == 5


async def test_a_large_send_does_not_delay_a_small_one() -> None:
    http = FakeHttp()
    api = api_over(http, window=4)
    large = asyncio.create_task(api.send(HELLO, crowd(2000), within=60))
    await http.in_flight_reaches(4)

    small = await api.send(HELLO, to(*(f"small{n}" for n in range(10))), within=60)
    posts_until_then = len(http.requests)

    assert len(small.delivered) == 10
    assert posts_until_then < 100
    assert len((await large).delivered) == 2000


async def test_a_send_that_is_cancelled_leaves_the_window_free() -> None:
    http = FakeHttp()
    api = api_over(http, window=4)
    http.before_an_answer = lambda: asyncio.get_running_loop().create_future()
    cancelled = asyncio.create_task(api.send(HELLO, crowd(50), within=60))
    await http.in_flight_reaches(4)

    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    http.before_an_answer = lambda: asyncio.sleep(0)
    outcome = await api.send(HELLO, crowd(50), within=60)

    assert len(outcome.delivered) == 50
    assert http.most_in_flight == 4


async def test_waiting_for_the_rate_does_not_keep_the_loop_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    now, sleeps = [0.0], list[float]()

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        now[0] += seconds

    rate = TokenBucket(100, clock=lambda: now[0])
    http = FakeHttp()
    http.before_an_answer = asyncio.gather  # nothing, and at once
    monkeypatch.setattr(asyncio, "sleep", sleep)

    outcome = await api_over(http, rate=rate).send(HELLO, crowd(50), within=60)

    assert len(outcome.delivered) == 50
    assert sleeps == [pytest.approx(0.01)] * 49


async def test_disconnect_deletes_the_connection() -> None:
    http = FakeHttp(here=[204], gone=[410], flaky=[500, 204], refused=[403])
    api = api_over(http)

    closed = [await api.disconnect(recipient) for recipient in to("here", "gone", "flaky", "refused")]

    assert closed == [True, True, True, False]
    assert [request[:2] for request in http.requests] == [
        ("DELETE", "here"),
        ("DELETE", "gone"),
        ("DELETE", "flaky"),
        ("DELETE", "flaky"),
        ("DELETE", "refused"),
    ]

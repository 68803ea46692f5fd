"""How a bot keeps its connection: tokens, pings, reconnects, and what it gives up over."""

import asyncio
import logging
import re
from itertools import count
from typing import Any

import pytest
from gamenight import GameNight, TokenRefused, WrongAddress

from tests.bots.bot import TOKEN, FakeTime, bot_on
from tests.bots.server import (
    NEWEST,
    Connection,
    Script,
    added,
    auth,
    authenticated,
    gets,
    night,
    nights,
    refuses,
    started,
    subscribed,
)
from tests.sockets import listening

STARTED_8, STARTED_9 = ["session.started 8"], ["session.started 9"]
NEWS: Script = [auth("S:8"), started(8)]
EXPIRING = {"type": "token_expiring", "expiresAt": "2025-11-01T20:02:00.000Z"}
PONG = {"type": "pong", "timestamp": "2025-11-01T20:00:00.000Z"}
REFUSED: Script = [
    gets("auth"),
    {"type": "auth_error", "code": "token_invalid", "message": "The token is damaged."},
]
STALLED = 30.0
NUMBERS = count()


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def same() -> str:
    return "never-good"


def another() -> str:
    return f"never-good-{next(NUMBERS)}"


@pytest.mark.parametrize("reason", ["The token has expired. Get a new one.", "Ask the host for a new one."])
async def test_a_refused_token_comes_with_one_advice(reason: str) -> None:
    refused = {"type": "auth_error", "code": "token_expired", "message": reason}
    async with bot_on([gets("auth"), refused]) as bot:
        with pytest.raises(TokenRefused, match=f"{re.escape(reason)}$"):
            await bot.listener.next()


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (TOKEN, r"The token is damaged\. Ask the host for a new token\."),
        (same, r"The token is damaged\. There is no other one"),
        (another, "new token as well"),
    ],
    ids=["a token", "a function that has no other", "a function, again and again"],
)
async def test_a_refused_token_is_told(token: Any, said: str) -> None:
    async with bot_on(REFUSED, token=token) as bot:
        with pytest.raises(TokenRefused, match=said):
            await bot.listener.next()


async def test_a_function_is_asked_for_another_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = iter(["old-s3cret", "new-s3cret", "newer-s3cret"])

    async with bot_on(REFUSED, NEWS, token=lambda: next(tokens)) as bot:
        assert await bot.hears() == STARTED_8
        used = [(await bot.server.asked_frame())["token"] for _ in range(2)]

    assert used[0] != used[1]
    ours = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert "authenticated as bot (bot)" in ours
    assert not [message for message in ours if "s3cret" in message]


async def test_a_token_is_refreshed_before_it_expires() -> None:
    tokens = iter(["first", "second"])
    refreshed = {name: value for name, value in authenticated("").items() if name != "stream"}
    script: Script = [auth(), EXPIRING, gets("auth"), refreshed, started(8)]

    async with bot_on(script, token=lambda: next(tokens)) as bot:
        assert await bot.hears() == STARTED_8
        _, refresh = [await bot.server.asked_frame() for _ in range(2)]

    assert refresh == {"type": "auth", "token": "second"}
    assert bot.server.connections == 1


async def test_a_token_without_successor_is_used_until_its_end(caplog: pytest.LogCaptureFixture) -> None:
    async with bot_on([auth(), EXPIRING, started(8)]) as bot:
        assert await bot.hears() == STARTED_8

    assert "the token expires at 2025-11-01T20:02:00.000Z; pass a function" in caplog.text


async def test_a_handshake_that_does_not_end_is_given_up() -> None:
    accepted = asyncio.Event()

    async def says_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await never()

    async with listening(says_nothing) as port, bot_on(url=f"ws://127.0.0.1:{port}/api/sessions/live") as bot:
        bot.time.chance = 0.5
        hearing = bot.hears_meanwhile()
        await accepted.wait()
        await bot.time.passes(15)
        await bot.time.waits_for(0.5)  # the first delay: half of one second

        assert not hearing.done()


async def test_a_replay_that_moves_is_waited_for() -> None:
    go_on: asyncio.Queue[int] = asyncio.Queue()

    async def is_slow(connection: Connection) -> None:
        for number in (1, 2, 3):
            await connection.sends(added(number, f"a:{number}"))
            await go_on.get()

    cursors = {"sessions": "S:7", "session:7": "a:0"}
    async with bot_on([auth("S:7"), subscribed("a:3"), is_slow], cursors=cursors) as bot:
        for number in (1, 2, 3):
            assert await bot.hears() == [f"game.added {number}"]
            await bot.time.passes_for_all(STALLED - 10)
            go_on.put_nowait(number)

        assert bot.server.connections == 1


async def test_time_in_which_nobody_reads_does_not_count() -> None:
    script: Script = [auth("S:8"), subscribed("a:9", recovered=False), started(8)]
    pages = {"/api/sessions/7": [503, night(7)]}
    cursors = {"sessions": "S:7", "session:7": "a:1"}
    async with bot_on(script, cursors=cursors, pages=pages, time=FakeTime(0.5)) as bot:
        hearing = bot.hears_meanwhile(3)
        await bot.time.waits_for(0.5)  # to ask for the night's state again, while the start of 8 is not read
        await bot.time.passes_for_all(STALLED + 10)

        assert await hearing == ["gap 7", "snapshot 7", *STARTED_8]
        assert bot.server.connections == 1


async def test_too_many_frames_are_each_sent_again_in_their_time() -> None:
    shares = iter([0.5, 0.0])

    class Unsteady(FakeTime):
        def share(self) -> float:
            return next(shares)

    async def adds_a_game(connection: Connection) -> None:
        which = connection.frame["sessionId"]
        await connection.sends(added(which, f"{which}:1", which))

    too_many = refuses("subscribe", "too_many_frames", retryable=True)
    script: Script = [auth(), too_many, too_many, *[subscribed(), adds_a_game] * 2]
    cursors = {"sessions": "S:7", "session:1": "1:0", "session:2": "2:0"}
    async with bot_on(script, cursors=cursors, time=Unsteady()) as bot:
        for delay, game in ((1.0, 2), (4.5, 1)):
            hearing = bot.hears_meanwhile()
            await bot.time.passes(delay)
            assert await hearing == [f"game.added {game}"]

        assert bot.server.connections == 1


@pytest.mark.parametrize("after", [0, -1, 1e300, "soon", None])
async def test_a_service_that_always_asks_is_not_obeyed_at_once(after: Any) -> None:
    reconnect = {"type": "reconnect", "reason": "max_connection_age", "afterMs": after}

    async with bot_on([auth(), reconnect], time=FakeTime(0.5)) as bot:
        bot.hears_meanwhile()
        await bot.time.passes(0.5, 1, 2, 4)

        assert bot.server.connections >= 4


async def test_delays_are_random_shares_of_ever_longer_times() -> None:
    time = FakeTime(0.5)
    night = GameNight("ws://127.0.0.1:1/api/sessions/live", TOKEN, surroundings=time, poll_seconds=1000)
    hearing = asyncio.ensure_future(anext(night.events()))

    await time.passes(0.5, 1, 2, 4, 8, 16, 30, 30)

    assert not hearing.done()
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)


@pytest.mark.parametrize(
    ("url", "websocket_url", "what_to_do"),
    [
        ("localhost:5000", None, "Pass one such as http://localhost:5000"),
        ("ftp://localhost", None, "Pass one such as http://localhost:5000"),
        ("wss://abc.execute-api.eu-central-1.amazonaws.com/dev", None, "this one as websocket_url"),
        ("https://", None, "Pass one such as"),
        ("", None, "Pass one such as"),
        (None, None, "None is no address. Pass one such as"),
        *[
            (f"http://{wrong}", None, "Pass one such as http://localhost:5000")
            for wrong in (
                *("localhost:notaport", "localhost:99999", "localhost:-1", "localhost:0", "[::1", "a b"),
                *("a..b", f"{'a' * 64}.org", "me@localhost", "localhost?a=b", "localhost#a", "local\thost"),
            )
        ],
        ("http://localhost:5000", "ws://localhost:99999", "begins with ws://"),
        ("http://localhost:5000", "http://localhost:5000", "begins with ws://"),
        ("http://localhost:5000", "localhost", "begins with ws://"),
        ("http://localhost:5000", "ws://", "begins with ws://"),
    ],
)
def test_a_wrong_address_is_told_at_once(url: Any, websocket_url: str | None, what_to_do: str) -> None:
    with pytest.raises(WrongAddress, match=what_to_do):
        GameNight(url, TOKEN, websocket_url=websocket_url)


@pytest.mark.parametrize(
    "page",
    [
        404,
        b"<html>",
        {"hello": "world"},
        [[]],
        *[{"websocket_url": url} for url in ("http://a", "ws://a:99999")],
    ],
)
async def test_an_address_where_something_else_lives_is_told(page: Any) -> None:
    async with bot_on(pages={"/api": page}) as bot:
        night = GameNight(bot.server.url.replace("ws", "http").partition("/api")[0], TOKEN)

        with pytest.raises(WrongAddress, match="http://"):
            await anext(night.events())


async def test_the_address_of_the_websocket_is_asked_for() -> None:
    async with bot_on([auth("S:3"), subscribed("a:1")]) as bot:
        bot.server.pages |= {
            "/api": {"websocket_url": bot.server.url},
            NEWEST: nights(night(3), cursor="S:3"),
            "/api/sessions/3": night(3),
        }
        rest_url = bot.server.url.replace("ws", "http").partition("sessions")[0]
        events = GameNight(rest_url, TOKEN, surroundings=FakeTime()).events()

        event = await anext(events)
        await events.aclose()

    assert event.session_id == 3
    assert bot.server.tokens[0] == ""

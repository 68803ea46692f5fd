"""How a bot keeps its connection: tokens, pings, reconnects, and what it gives up over."""

import asyncio
import logging
from typing import Any

import pytest
from gamenight import GameNight, TokenRefused, WrongAddress

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import NEWEST, Peer, added, authenticated, never, night, started, stays
from tests.bots.surroundings import Stage
from tests.sockets import listening


class Unsteady(Stage):
    """Has another random share each time."""

    def __init__(self, shares: list[float]) -> None:
        super().__init__()
        self._shares = iter(shares)

    def share(self) -> float:
        return next(self._shares)


REFUSAL = {"type": "auth_error", "code": "token_invalid", "message": "The token is damaged."}


async def refuses(peer: Peer) -> None:
    await peer.gets("auth")
    await peer.sends(REFUSAL)
    await peer.stays()


async def news(peer: Peer) -> None:
    """Let a client in that was at the seventh night, and tell of the eighth."""
    await peer.lets_in("S:8")
    await peer.sends(started(8))
    await peer.stays()


async def test_a_token_that_is_refused_is_told_to_who_can_do_something_about_it(
    serve: Serve, start_bot: StartBot
) -> None:
    service = await serve(refuses)

    async with start_bot(service) as bot:
        with pytest.raises(TokenRefused, match=r"The token is damaged\. Get a new one"):
            await bot.ear.next()


async def test_a_function_is_asked_for_another_token_and_that_one_is_used(
    serve: Serve, start_bot: StartBot
) -> None:
    tokens = iter(["old", "new", "newer"])
    used: list[str] = []

    async def checks(peer: Peer) -> None:
        used.append((await peer.lets_in("S:8"))["token"])
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(refuses, checks)
    async with start_bot(service, {"sessions": "S:7"}, token=lambda: next(tokens)) as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["session.started 8"]
    assert used != ["old"]


async def test_a_function_whose_tokens_are_refused_again_and_again_is_given_up(
    serve: Serve, start_bot: StartBot
) -> None:
    async def token() -> str:
        return "never good"

    service = await serve(refuses)

    async with start_bot(service, token=token) as bot:
        with pytest.raises(TokenRefused, match="new token as well"):
            await bot.ear.next()


async def test_a_token_is_refreshed_on_its_connection_before_it_expires(
    serve: Serve, start_bot: StartBot
) -> None:
    tokens = iter(["first", "second"])
    refreshed: list[Any] = []

    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.sends({"type": "token_expiring", "expiresAt": "2025-11-01T20:02:00.000Z"})
        refreshed.append(await peer.gets("auth"))
        answer = authenticated("")
        await peer.sends({name: answer[name] for name in ("type", "message", "sub", "role", "expiresAt")})
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}, token=lambda: next(tokens)) as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["session.started 8"]
    assert refreshed == [{"type": "auth", "token": "second"}]
    assert service.connections == 1


async def test_a_token_that_can_not_be_refreshed_is_used_until_its_end(
    serve: Serve, start_bot: StartBot, caplog: pytest.LogCaptureFixture
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.sends({"type": "token_expiring", "expiresAt": "2025-11-01T20:02:00.000Z"}, started(8))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["session.started 8"]
    assert "the token expires at 2025-11-01T20:02:00.000Z; pass a function" in caplog.text


async def test_a_connection_that_outlived_its_token_is_replaced(serve: Serve, start_bot: StartBot) -> None:
    async def expires(peer: Peer) -> None:
        await peer.lets_in()
        error = {"code": "token_expired", "message": "The token has expired.", "retryable": False}
        await peer.sends({"type": "error", **error})
        await peer.stays()

    service = await serve(expires, news)
    async with start_bot(service, {"sessions": "S:7"}, token=lambda: "new") as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["session.started 8"]
    assert service.connections == 2


async def test_a_service_that_is_silent_is_pinged_and_then_left(serve: Serve, start_bot: StartBot) -> None:
    pinged = asyncio.Event()

    async def falls_silent(peer: Peer) -> None:
        await peer.lets_in()
        await peer.gets("ping")
        pinged.set()
        await peer.stays()

    service = await serve(falls_silent, news)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        hearing = bot.hears_in_background(1)
        await bot.stage.passes(60)
        await pinged.wait()
        await bot.stage.passes(20)
        heard = await hearing

    assert heard == ["session.started 8"]
    assert service.connections == 2


async def test_a_service_that_answers_pings_is_stayed_with(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        for _ in range(3):
            await peer.gets("ping")
            await peer.sends({"type": "pong", "timestamp": "2025-11-01T20:00:00.000Z"})
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        hearing = bot.hears_in_background(1)
        for _ in range(3):
            await bot.stage.passes(60)
        heard = await hearing

    assert heard == ["session.started 8"]
    assert service.connections == 1


async def test_a_handshake_that_does_not_end_is_given_up() -> None:
    accepted = asyncio.Event()

    async def says_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await never()

    stage = Stage(chance=0.5)
    async with listening(says_nothing) as port:
        url = f"ws://127.0.0.1:{port}/api/sessions/live"
        hearing = asyncio.ensure_future(anext(GameNight(url, "a-token", surroundings=stage).events()))

        await accepted.wait()
        await stage.passes(15)
        await stage.waits_for(0.5)  # the first delay: half of one second

        assert not hearing.done()
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def test_an_error_that_may_pass_is_followed_by_the_same_question_a_little_later(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.gets("auth")
        error = {"code": "unavailable", "message": "A part does not answer.", "retryable": True}
        await peer.sends({"type": "error", **error, "id": "sessions"})
        await news(peer)

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        hearing = bot.hears_in_background(1)
        await bot.stage.passes(1)
        heard = await hearing

    assert heard == ["session.started 8"]


async def test_frames_that_were_too_many_are_sent_again_each_after_a_time_of_its_own(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        for _ in range(2):
            asked = (await peer.gets("subscribe"))["id"]
            error = {"code": "too_many_frames", "message": "Wait a little.", "retryable": True}
            await peer.sends({"type": "error", **error, "id": asked})
        for _ in range(2):
            frame = await peer.lets_subscribe()
            which = frame["sessionId"]
            await peer.sends(added(which, f"{which}:1", which))
        await peer.stays()

    service = await serve(behave)
    stage = Unsteady([0.5, 0.0])
    async with start_bot(
        service, {"sessions": "S:7", "session:1": "1:0", "session:2": "2:0"}, stage=stage
    ) as bot:
        hearing = bot.hears_in_background(1)
        await stage.passes(1.0)
        first = await hearing
        hearing = bot.hears_in_background(1)
        await stage.passes(4.5)
        second = await hearing

    assert [first, second] == [["game.added 2"], ["game.added 1"]]
    assert service.connections == 1


async def test_a_new_connection_is_opened_when_the_service_asks_for_it(
    serve: Serve, start_bot: StartBot
) -> None:
    async def asks(peer: Peer) -> None:
        await peer.lets_in()
        await peer.sends({"type": "reconnect", "reason": "max_connection_age", "afterMs": 30000})
        await peer.sends(started(8))
        await peer.lets_subscribe("a:0")
        await peer.stays()

    async def goes_on(peer: Peer) -> None:
        assert (await peer.lets_in("S:9"))["since"] == "S:8"
        await peer.sends(started(9))
        await peer.stays()

    service = await serve(asks, goes_on)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        before = await bot.ear.hears(1)
        hearing = bot.hears_in_background(1)
        await bot.stage.passes(30)
        after = await hearing

    assert before + after == ["session.started 8", "session.started 9"]


@pytest.mark.parametrize("after", [0, -1, 1e300, "soon", None])
async def test_a_service_that_asks_for_new_connections_all_the_time_does_not_get_them_at_once(
    serve: Serve, start_bot: StartBot, after: Any
) -> None:
    async def asks(peer: Peer) -> None:
        await peer.lets_in()
        await peer.sends({"type": "reconnect", "reason": "max_connection_age", "afterMs": after})
        await peer.stays()

    service = await serve(asks)
    async with start_bot(service, {"sessions": "S:7"}, stage=Stage(chance=0.5)) as bot:
        bot.hears_in_background(1)
        for delay in (0.5, 1, 2, 4):
            await bot.stage.passes(delay)

    assert service.connections >= 4


async def test_the_delays_are_random_shares_of_ever_longer_times() -> None:
    stage = Stage(chance=0.5)
    night = GameNight("ws://127.0.0.1:1/api/sessions/live", "a-token", surroundings=stage, poll_seconds=1000)
    hearing = asyncio.ensure_future(anext(night.events()))

    for delay in (0.5, 1, 2, 4, 8, 16, 30, 30):
        await stage.passes(delay)

    assert not hearing.done()
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)


async def test_the_delays_begin_anew_after_a_connection_that_brought_something(
    serve: Serve, start_bot: StartBot
) -> None:
    async def brings_one(peer: Peer) -> None:
        since = (await peer.gets("auth"))["since"]
        at = int(since.partition(":")[2])
        await peer.sends(authenticated(since, f"S:{at + 1}"), started(at + 1))
        await peer.gets("subscribe")
        await peer.hangs_up()

    service = await serve(brings_one)
    async with start_bot(service, {"sessions": "S:7"}, stage=Stage(chance=0.5)) as bot:
        hearing = bot.hears_in_background(3)
        await bot.stage.passes(0.5)
        await bot.stage.passes(0.5)
        await hearing

        assert [slept for slept in bot.stage.slept if slept < 10] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("url", "what_to_do"),
    [
        ("localhost:5000", "Pass one such as http://localhost:5000"),
        ("ftp://localhost", "Pass one such as http://localhost:5000"),
        ("wss://abc.execute-api.eu-central-1.amazonaws.com/dev", "this one as websocket_url"),
        ("https://", "Pass one such as"),
        ("", "Pass one such as"),
    ],
)
def test_an_address_that_can_not_be_right_is_told_at_once(url: str, what_to_do: str) -> None:
    with pytest.raises(WrongAddress, match=what_to_do):
        GameNight(url, "a-token")


@pytest.mark.parametrize("url", ["http://localhost:5000", "localhost", "ws://"])
def test_an_address_that_can_not_be_a_websockets_is_told_at_once(url: str) -> None:
    with pytest.raises(WrongAddress, match="begins with ws://"):
        GameNight("http://localhost:5000", "a-token", websocket_url=url)


@pytest.mark.parametrize(
    "page", [404, b"<html>", {"hello": "world"}, [[]], {"websocket_url": "http://elsewhere"}]
)
async def test_an_address_where_something_else_lives_is_told(serve: Serve, page: Any) -> None:
    service = await serve(stays)
    service.pages["/api"] = page
    night = GameNight(service.rest_url, "a-token", surroundings=Stage())

    with pytest.raises(WrongAddress, match="http://"):
        await anext(night.events())


async def test_the_address_of_the_websocket_is_asked_for(serve: Serve) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:3")
        await peer.lets_subscribe("a:1")
        await peer.stays()

    service = await serve(behave)
    service.pages["/api"] = {"websocket_url": service.url}
    service.pages[NEWEST] = {"sessions": [night(3)], "cursor": "S:3", "recovered": True}
    service.pages["/api/sessions/3"] = {**night(3), "games": []}
    events = GameNight(f"{service.rest_url}/api/", "a-token", surroundings=Stage()).events()

    event = await anext(events)
    await events.aclose()  # type: ignore[attr-defined] # it is an async generator

    assert event.session_id == 3
    assert service.tokens[0] == ""


async def test_no_token_is_in_the_log_however_much_is_logged(
    serve: Serve, start_bot: StartBot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service = await serve(refuses, news)

    async with start_bot(service, {"sessions": "S:7"}, token=lambda: "s3cret") as bot:
        await bot.ear.hears(1)

    ours = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert "authenticated as bot (bot)" in ours
    assert not [message for message in ours if "s3cret" in message]

"""WebSocket frames: what a client may send, how each frame is answered, and how much is taken."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.clients import Bot, Connect, Host, Target
from tests.conformance.nights import NO_SESSION, is_a_timestamp

KILOBYTE = 1024
PING = '{"type":"ping"}'
IMPOSSIBLE_IDS: list[Any] = [True, 1.5, [], {}, "x" * 129]


def assert_error(answer: Any, code: str) -> None:
    assert (answer["type"], answer["code"], answer["retryable"]) == ("error", code, False), answer
    assert answer["message"]
    assert answer.keys() <= {"type", "code", "message", "retryable", "id"}


async def test_a_ping_is_answered_with_the_time(stranger: Bot) -> None:
    pong = await stranger.ask({"type": "ping"})

    assert pong == {"type": "pong", "timestamp": pong["timestamp"]}
    assert is_a_timestamp(pong["timestamp"])
    assert abs(datetime.now(UTC) - datetime.fromisoformat(pong["timestamp"])) < timedelta(minutes=5)


async def test_subscribing_and_unsubscribing_are_confirmed_however_often(
    bot: Bot, host: Host, night: Any
) -> None:
    for frame_type, answered in [
        *(("subscribe", "subscribed"), ("subscribe", "subscribed")),
        *(("unsubscribe", "unsubscribed"), ("unsubscribe", "unsubscribed")),
    ]:
        answer = await bot.ask({"type": frame_type, "sessionId": night["id"]})
        assert answer == {"type": answered, "sessionId": night["id"]}
    await host.close(night["id"])
    ended = await bot.ask({"type": "subscribe", "sessionId": night["id"]})

    assert ended == {"type": "subscribed", "sessionId": night["id"]}


async def test_an_unknown_session_cannot_be_subscribed_to(bot: Bot) -> None:
    for since in ({}, {"since": ""}):
        unknown = await bot.ask({"type": "subscribe", "sessionId": NO_SESSION, **since})
        assert_error(unknown, "session_not_found")
    assert (await bot.ask({"type": "ping"}))["type"] == "pong"


@pytest.mark.parametrize("frame_id", ["a", "", "ünïcode 🎲", "x" * 128, 0, 7, -1, 2**53])
async def test_every_answer_echoes_the_frames_id(
    target: Target, stranger: Bot, night: Any, frame_id: str | int
) -> None:
    token, session = target.token("bot"), {"sessionId": night["id"]}
    for frame, answered in [
        ({"type": "ping"}, "pong"),
        ({"type": "dance"}, "error"),
        ({"type": "subscribe", **session}, "error"),
        ({"type": "auth", "token": "junk"}, "auth_error"),
        ({"type": "auth", "token": token}, "auth_success"),
        ({"type": "auth", "token": token, "since": "now"}, "auth_success"),
        ({"type": "subscribe", **session}, "subscribed"),
        ({"type": "subscribe", **session, "since": "now"}, "subscribed"),
        ({"type": "unsubscribe", **session}, "unsubscribed"),
    ]:
        answer = await stranger.ask({**frame, "id": frame_id})

        assert (answer["type"], answer["id"], type(answer["id"])) == (answered, frame_id, type(frame_id))


@pytest.mark.parametrize("authenticated", [False, True])
@pytest.mark.parametrize(
    ("code", "frames"),
    [
        ("unknown_type", [{"type": kind} for kind in ("dance", "", "session.started", "PING")]),
        ("invalid_frame", [{}, {"type": None}, {"type": 5}, {"type": ["ping"]}]),
        ("invalid_frame", [[], [{"type": "ping"}], 5, None, True, '"ping"']),
        ("invalid_frame", [{"type": "ping", "id": frame_id} for frame_id in IMPOSSIBLE_IDS]),
        ("invalid_frame", [{"type": "auth"}, {"type": "auth", "token": None}, {"type": "auth", "token": 5}]),
        ("invalid_frame", [{"type": "ping", "extra": 1}, {"type": "auth", "token": "junk", "sicne": ""}]),
        ("invalid_frame", [{"type": "subscribe", "sessionId": i} for i in ("1", 0, -1, 1.5, True, None)]),
        ("invalid_frame", [{"type": "subscribe"}, {"type": "subscribe", "session_id": 1}]),
        ("invalid_frame", [{"type": "unsubscribe"}, {"type": "unsubscribe", "sessionId": "1"}]),
        ("invalid_json", ["nope", "{", '{"type":"ping"', "{'type':'ping'}", PING * 2, " "]),
    ],
)
async def test_a_bad_frame_is_explained_and_nothing_else_happens(
    target: Target, connected: Connect, code: str, frames: list[object], *, authenticated: bool
) -> None:
    bot = await connected(target.token("bot") if authenticated else None)

    for frame in frames:
        assert_error(await bot.ask(frame), code)

    assert (await bot.ask({"type": "ping"}))["type"] == "pong"


async def test_a_frame_may_have_32_kb_in_bytes(bot: Bot) -> None:
    dance = {"type": "dance", "step": ""}
    room = 32 * KILOBYTE - len(json.dumps(dance))
    letters = json.dumps({**dance, "step": "ü" * (room // 2) + "u" * (room % 2)}, ensure_ascii=False)
    assert len(letters.encode()) == 32 * KILOBYTE

    assert (await bot.ask(PING.ljust(32 * KILOBYTE)))["type"] == "pong"
    assert (await bot.ask(letters))["code"] == "unknown_type"


@pytest.mark.parametrize("size", [32 * KILOBYTE + 1, 100 * KILOBYTE])
async def test_a_larger_frame_is_refused_or_ends_the_connection(stranger: Bot, size: int) -> None:
    """API Gateway closes the connection before we see the frame; a target behind something else may not."""
    with suppress(ConnectionClosed):
        assert_error(await stranger.ask(PING.ljust(size)), "invalid_frame")
        return

    assert stranger.socket.close_code == 1009


async def test_a_message_may_come_in_many_frames(stranger: Bot) -> None:
    await stranger.socket.send([PING[:5], PING[5:9], PING[9:]])
    assert (await stranger.answer())["type"] == "pong"

    await stranger.socket.send([PING, " " * 30 * KILOBYTE, " " * 30 * KILOBYTE])
    assert_error(await stranger.answer(), "invalid_frame")
    assert (await stranger.ask({"type": "ping"}))["type"] == "pong"


async def test_a_connection_follows_fifty_sessions_at_most(bot: Bot, host: Host) -> None:
    *fifty, another = [(await host.start())["id"] for _ in range(51)]
    for session_id in fifty:
        assert (await bot.ask({"type": "subscribe", "sessionId": session_id}))["type"] == "subscribed"

    assert_error(await bot.ask({"type": "subscribe", "sessionId": another}), "too_many_subscriptions")
    assert (await bot.ask({"type": "subscribe", "sessionId": fifty[0]}))["type"] == "subscribed"
    await bot.ask({"type": "unsubscribe", "sessionId": fifty[0]})
    assert (await bot.ask({"type": "subscribe", "sessionId": another}))["type"] == "subscribed"

"""WebSocket frames: what a client may send, how each frame is answered, and how much is taken."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.clients import Bot, Host, Target
from tests.conformance.nights import NO_SESSION, is_a_timestamp

KILOBYTE = 1024
PING = '{"type":"ping"}'
NO_FRAMES: list[Any] = [{}, {"type": 5}, [], None, {"type": "auth"}]
IMPOSSIBLE_IDS: list[Any] = [True, 1.5, [], "x" * 129]


def assert_error(answer: Any, code: str) -> None:
    assert (answer["type"], answer["code"], answer["retryable"]) == ("error", code, False), answer
    assert answer["message"]
    assert answer.keys() <= {"type", "code", "message", "retryable", "id"}


async def test_a_ping_is_answered_with_the_time(stranger: Bot) -> None:
    pong = await stranger.ask({"type": "ping"})

    assert pong == {"type": "pong", "timestamp": pong["timestamp"]}
    assert is_a_timestamp(pong["timestamp"])
    assert abs(datetime.now(UTC) - datetime.fromisoformat(pong["timestamp"])) < timedelta(minutes=5)


async def test_joining_and_leaving_are_confirmed_each_time(bot: Bot, host: Host, night: Any) -> None:
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


async def test_a_bad_frame_is_explained_and_nothing_else_happens(stranger: Bot) -> None:
    bad: list[tuple[str, Any]] = [
        *(("unknown_type", {"type": kind}) for kind in ("dance", "", "session.started", "PING")),
        *(("invalid_frame", one) for one in NO_FRAMES),
        *(("invalid_frame", {"type": "ping", "id": one}) for one in IMPOSSIBLE_IDS),
        *(("invalid_frame", {"type": "subscribe", "sessionId": one}) for one in ("1", 0, True, None)),
        *(("invalid_json", text) for text in ("nope", "{", "{'type':'ping'}", PING * 2, " ")),
    ]
    for code, frame in bad:
        assert_error(await stranger.ask(frame), code)

    assert (await stranger.ask({"type": "ping"}))["type"] == "pong"


@pytest.mark.parametrize("size", [32 * KILOBYTE + 1, 100 * KILOBYTE])
async def test_a_larger_frame_is_refused_or_ends_the_connection(stranger: Bot, size: int) -> None:
    """API Gateway closes the connection before we see the frame; a target behind something else may not."""
    with suppress(ConnectionClosed):
        assert_error(await stranger.ask(PING.ljust(size)), "invalid_frame")
        return

    assert stranger.socket.close_code == 1009

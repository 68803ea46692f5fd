"""What a connection may send and follow. The limits of a body's fields are with the routes."""

import json
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.clients import Connect, Host, Target
from tests.conformance.problems import problem

KILOBYTE = 1024
PING = '{"type":"ping"}'


async def test_a_frame_of_32_kb_is_answered(connected: Connect) -> None:
    bot = await connected()

    pong = await bot.ask(PING.ljust(32 * KILOBYTE))

    assert pong["type"] == "pong"


async def test_the_limit_is_in_bytes(target: Target, connected: Connect) -> None:
    bot = await connected(target.token("bot"))
    letters = {"type": "dance", "step": ""}
    room = 32 * KILOBYTE - len(json.dumps(letters))
    frame = json.dumps({**letters, "step": "ü" * (room // 2) + "u" * (room % 2)}, ensure_ascii=False)
    assert len(frame.encode()) == 32 * KILOBYTE

    answer = await bot.ask(frame)

    assert answer["code"] == "unknown_type"


@pytest.mark.parametrize("size", [32 * KILOBYTE + 1, 100 * KILOBYTE])
async def test_a_larger_frame_is_refused_one_way_or_another(connected: Connect, size: int) -> None:
    """API Gateway closes the connection before we see the frame; a target behind something else may not."""
    bot = await connected()

    with suppress(ConnectionClosed):
        answer = await bot.ask(PING.ljust(size))
        assert (answer["type"], answer["code"]) == ("error", "invalid_frame")
        return

    assert bot.socket.close_code == 1009


async def test_a_message_over_32_kb_in_smaller_frames_is_refused_and_the_connection_stays(
    connected: Connect,
) -> None:
    bot = await connected()

    await bot.socket.send([PING, " " * 30 * KILOBYTE, " " * 30 * KILOBYTE])
    answer = await bot.answer()

    assert (answer["type"], answer["code"]) == ("error", "invalid_frame")
    assert (await bot.ask({"type": "ping"}))["type"] == "pong"


async def test_a_message_in_many_frames_is_one_message(connected: Connect) -> None:
    bot = await connected()

    await bot.socket.send([PING[:5], PING[5:9], PING[9:]])

    assert (await bot.answer())["type"] == "pong"


@pytest.mark.parametrize("opening", ["[", '{"type":', '{"a":['])
async def test_json_that_is_nested_without_end_is_refused(connected: Connect, opening: str) -> None:
    bot = await connected()

    answer = await bot.ask(opening * (30 * KILOBYTE // len(opening)))

    assert answer["type"] == "error"
    assert answer["code"] in {"invalid_json", "invalid_frame"}
    assert (await bot.ask({"type": "ping"}))["type"] == "pong"


async def test_a_connection_follows_fifty_sessions_and_one_more_once_it_leaves_one(
    target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    *fifty, another = [(await host.start())["id"] for _ in range(51)]
    for session_id in fifty:
        answer = await bot.ask({"type": "subscribe", "sessionId": session_id})
        assert answer["type"] == "subscribed", answer

    refused = await bot.ask({"type": "subscribe", "sessionId": another})
    again = await bot.ask({"type": "subscribe", "sessionId": fifty[0]})
    await bot.ask({"type": "unsubscribe", "sessionId": fifty[0]})
    accepted = await bot.ask({"type": "subscribe", "sessionId": another})

    assert (refused["type"], refused["code"]) == ("error", "too_many_subscriptions")
    assert refused["retryable"] is False
    assert (again["type"], accepted["type"]) == ("subscribed", "subscribed")


async def test_a_body_of_32_kb_is_read_and_a_larger_one_is_refused_whatever_is_in_it(host: Host) -> None:
    read = await host.post_text("{}".ljust(32 * KILOBYTE))
    refused = await host.post_text("{}".ljust(32 * KILOBYTE + 1))
    junk = await host.post_text("junk" * 32 * KILOBYTE)

    assert read.status_code == 201
    problem(refused, 413, "payload_too_large")
    problem(junk, 413, "payload_too_large")

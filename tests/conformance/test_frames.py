"""WebSocket frames: what a client may send, and how each frame is answered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients import Connect, Host, Target

NO_SESSION = 2**53
"""No target gets this far."""


def is_an_error(answer: Any, code: str) -> None:
    assert answer["type"] == "error", answer
    assert answer["code"] == code, answer
    assert isinstance(answer["message"], str)
    assert answer["message"]
    assert answer["retryable"] is False
    assert answer.keys() <= {"type", "code", "message", "retryable", "id"}


async def test_a_ping_is_answered_with_the_time(connected: Connect) -> None:
    bot = await connected()

    pong = await bot.ask({"type": "ping"})

    now = datetime.fromisoformat(pong["timestamp"])
    assert pong.keys() == {"type", "timestamp"}
    assert pong["type"] == "pong"
    assert len(pong["timestamp"]) == len("2025-11-01T20:00:00.123Z")
    assert pong["timestamp"].endswith("Z")
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=5)


async def test_subscribing_and_unsubscribing_are_confirmed(
    target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    session = await host.start()

    subscribed = await bot.ask({"type": "subscribe", "sessionId": session["id"]})
    unsubscribed = await bot.ask({"type": "unsubscribe", "sessionId": session["id"]})

    assert subscribed == {"type": "subscribed", "sessionId": session["id"]}
    assert unsubscribed == {"type": "unsubscribed", "sessionId": session["id"]}


async def test_subscribing_twice_is_fine(target: Target, connected: Connect, host: Host) -> None:
    bot = await connected(target.token("bot"))
    session = await host.start()

    first = await bot.ask({"type": "subscribe", "sessionId": session["id"]})
    second = await bot.ask({"type": "subscribe", "sessionId": session["id"]})

    assert first == second == {"type": "subscribed", "sessionId": session["id"]}


async def test_unsubscribing_from_what_was_never_subscribed_to_is_fine(
    target: Target, connected: Connect
) -> None:
    bot = await connected(target.token("bot"))

    answer = await bot.ask({"type": "unsubscribe", "sessionId": NO_SESSION})

    assert answer == {"type": "unsubscribed", "sessionId": NO_SESSION}


async def test_a_session_that_does_not_exist_cannot_be_subscribed_to(
    target: Target, connected: Connect
) -> None:
    bot = await connected(target.token("bot"))

    answer = await bot.ask({"type": "subscribe", "sessionId": NO_SESSION})

    is_an_error(answer, "session_not_found")
    assert (await bot.ask({"type": "ping"}))["type"] == "pong"


@pytest.mark.parametrize("frame_id", ["a", "", "ünïcode 🎲", "x" * 128, 0, 7, -1, 2**53])
@pytest.mark.parametrize(
    ("frame", "answered"),
    [
        ({"type": "ping"}, "pong"),
        ({"type": "auth", "token": "junk"}, "auth_error"),
        ({"type": "subscribe", "sessionId": 1}, "error"),
        ({"type": "dance"}, "error"),
    ],
)
async def test_a_frames_id_comes_back_with_its_answer(
    connected: Connect, frame: dict[str, object], answered: str, frame_id: str | int
) -> None:
    bot = await connected()

    answer = await bot.ask({**frame, "id": frame_id})

    assert answer["type"] == answered
    assert answer["id"] == frame_id
    assert type(answer["id"]) is type(frame_id)


async def test_every_successful_answer_carries_the_id(target: Target, connected: Connect, host: Host) -> None:
    bot = await connected()
    session = await host.start()

    answers = [
        await bot.ask({"id": 1, "type": "auth", "token": target.token("bot")}),
        await bot.ask({"id": 2, "type": "subscribe", "sessionId": session["id"]}),
        await bot.ask({"id": 3, "type": "unsubscribe", "sessionId": session["id"]}),
    ]

    assert [(answer["id"], answer["type"]) for answer in answers] == [
        (1, "auth_success"),
        (2, "subscribed"),
        (3, "unsubscribed"),
    ]


async def test_a_frame_without_an_id_is_answered_without_one(connected: Connect) -> None:
    bot = await connected()

    assert "id" not in await bot.ask({"type": "ping"})
    assert "id" not in await bot.ask({"type": "dance"})


@pytest.mark.parametrize("frame_id", [True, 1.5, [], {}, "x" * 129])
async def test_an_id_that_is_neither_a_short_text_nor_an_integer_is_refused(
    connected: Connect, frame_id: object
) -> None:
    bot = await connected()

    is_an_error(await bot.ask({"type": "ping", "id": frame_id}), "invalid_frame")


@pytest.mark.parametrize("authenticated", [False, True])
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "dance"}, "unknown_type"),
        ({"type": ""}, "unknown_type"),
        ({"type": "session.started"}, "unknown_type"),
        ({"type": "PING"}, "unknown_type"),
        ({}, "invalid_frame"),
        ({"type": None}, "invalid_frame"),
        ({"type": 5}, "invalid_frame"),
        ({"type": ["ping"]}, "invalid_frame"),
        ([], "invalid_frame"),
        ([{"type": "ping"}], "invalid_frame"),
        (5, "invalid_frame"),
        (None, "invalid_frame"),
        (True, "invalid_frame"),
        ('"ping"', "invalid_frame"),
        ({"type": "auth"}, "invalid_frame"),
        ({"type": "auth", "token": None}, "invalid_frame"),
        ({"type": "auth", "token": 5}, "invalid_frame"),
        ({"type": "subscribe"}, "invalid_frame"),
        ({"type": "subscribe", "sessionId": "1"}, "invalid_frame"),
        ({"type": "subscribe", "sessionId": 0}, "invalid_frame"),
        ({"type": "subscribe", "sessionId": -1}, "invalid_frame"),
        ({"type": "subscribe", "sessionId": 1.5}, "invalid_frame"),
        ({"type": "subscribe", "sessionId": True}, "invalid_frame"),
        ({"type": "subscribe", "sessionId": None}, "invalid_frame"),
        ({"type": "subscribe", "session_id": 1}, "invalid_frame"),
        ({"type": "unsubscribe"}, "invalid_frame"),
        ({"type": "unsubscribe", "sessionId": "1"}, "invalid_frame"),
        ({"type": "ping", "extra": 1}, "invalid_frame"),
        ({"type": "auth", "token": "junk", "sicne": ""}, "invalid_frame"),
        ("nope", "invalid_json"),
        ("{", "invalid_json"),
        ('{"type":"ping"', "invalid_json"),
        ("{'type':'ping'}", "invalid_json"),
        ('{"type":"ping"}{"type":"ping"}', "invalid_json"),
        (" ", "invalid_json"),
    ],
)
async def test_a_frame_that_is_not_in_the_contract_is_explained_and_nothing_else_happens(
    target: Target, connected: Connect, frame: object, code: str, *, authenticated: bool
) -> None:
    bot = await connected(target.token("bot") if authenticated else None)

    refused = await bot.ask(frame)
    pong = await bot.ask({"type": "ping"})

    is_an_error(refused, code)
    assert pong["type"] == "pong"


async def test_whatever_is_wrong_is_answered_however_often(connected: Connect) -> None:
    bot = await connected()

    for _ in range(10):
        is_an_error(await bot.ask("nope"), "invalid_json")

    assert (await bot.ask({"type": "ping"}))["type"] == "pong"

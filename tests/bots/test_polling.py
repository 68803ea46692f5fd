"""Where no WebSocket gets through, the same events come over REST."""

import logging
from types import SimpleNamespace

import pytest
from gamenight import MemoryCursors

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import NEWEST, Peer, added, began, ended, night, started, stays


def page(*events: object, cursor: str) -> dict[str, object]:
    return {"events": [*events], "cursor": cursor, "recovered": True, "more": False}


async def test_what_happens_while_websockets_are_blocked_is_polled(serve: Serve, start_bot: StartBot) -> None:
    service = await serve(stays)
    service.blocked = True
    service.pages |= {
        "/api/sessions?since=S%3A7&limit=100": {"sessions": [night(8)], "cursor": "S:8", "recovered": True},
        "/api/sessions?since=S%3A8&limit=100": {"sessions": [], "cursor": "S:8", "recovered": True},
        "/api/sessions/8/events?since=&limit=100": page(began(8, "b:1"), added(1, "b:2", 8), cursor="b:2"),
        "/api/sessions/8/events?since=b%3A2&limit=100": page(ended("b:3", 8), cursor="b:3"),
    }
    cursors = MemoryCursors({"sessions": "S:7"})

    async with start_bot(service, cursors) as bot:
        heard = [await bot.ear.next() for _ in range(3)]

    assert [event.type for event in heard] == ["session.started", "game.added", "session.ended"]
    assert heard[0].timestamp == night(8)["created_at"]
    assert set(service.tokens) == {"Bearer a-token"}


async def test_polling_goes_on_in_its_rhythm_until_the_next_attempt(
    serve: Serve, start_bot: StartBot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    service = await serve(stays)
    service.blocked = True

    async with start_bot(service, {"sessions": "S:0"}) as bot:
        bot.stage.chance = 0.9
        bot.hears_in_background(1)
        for delay in (0.9, 1.8, 3.6, 5.0, 2.2):
            await bot.stage.passes(delay)
        await bot.stage.waits_for(5.0)

    assert caplog.text.count("no WebSocket for now; polling every 5 s") == 1


async def test_why_nothing_can_be_reached_is_told_once_for_each_attempt(
    start_bot: StartBot, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = SimpleNamespace(url="http://127.0.0.1:1")

    async with start_bot(nowhere, {"sessions": "S:0"}) as bot:
        bot.stage.chance = 0.5
        bot.hears_in_background(1)
        for delay in (0.5, 1.0, 2.0, 4.0):
            await bot.stage.passes(delay)
        await bot.stage.waits_for(5.0)

    warned = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warned) == 5
    assert all(
        said.startswith("the connection is lost ([Errno ") and "next attempt in" in said for said in warned
    )


async def test_a_websocket_that_gets_through_again_goes_on_where_polling_was(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        assert (await peer.lets_in("S:9"))["since"] == "S:8"
        await peer.sends(started(8), started(9))
        await peer.stays()

    service = await serve(behave)
    service.blocked = True
    service.pages |= {
        "/api/sessions?since=S%3A7&limit=100": {"sessions": [night(8)], "cursor": "S:8", "recovered": True},
        "/api/sessions?since=S%3A8&limit=100": {"sessions": [], "cursor": "S:8", "recovered": True},
        "/api/sessions/8/events": page(began(8, "b:1"), cursor="b:1"),
        "/api/sessions/8/events?since=b%3A1&limit=100": page(cursor="b:1"),
    }
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        before = await bot.ear.hears(1)
        service.blocked = False
        after = await bot.ear.hears(1)

    assert before + after == ["session.started 8", "session.started 9"]


async def test_a_bot_that_starts_by_polling_is_told_of_the_active_nights(
    serve: Serve, start_bot: StartBot
) -> None:
    service = await serve(stays)
    service.blocked = True
    service.pages |= {
        "/api/sessions?since=now&limit=100": {"sessions": [], "cursor": "S:6", "recovered": True},
        NEWEST: {"sessions": [night(7)], "cursor": "S:7", "recovered": True},
        "/api/sessions?since=S%3A7&limit=100": {"sessions": [], "cursor": "S:7", "recovered": True},
        "/api/sessions/7": {**night(7), "games": []},
        "/api/sessions/7/events?since=now&limit=100": page(cursor="a:3"),
        "/api/sessions/7/events?since=a%3A3&limit=100": page(added(3, "a:4"), cursor="a:4"),
    }

    async with start_bot(service) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["snapshot 7", "game.added 3"]


async def test_a_night_whose_events_are_gone_is_a_gap_and_a_snapshot(
    serve: Serve, start_bot: StartBot
) -> None:
    service = await serve(stays)
    service.blocked = True
    service.pages |= {
        "/api/sessions?since=S%3A7&limit=100": {"sessions": [night(8)], "cursor": "S:8", "recovered": True},
        "/api/sessions?since=S%3A8&limit=100": {"sessions": [], "cursor": "S:8", "recovered": True},
        "/api/sessions/8/events": {"events": [], "cursor": "b:9", "recovered": False, "more": False},
        "/api/sessions/8": {**night(8), "games": []},
    }

    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["session.started 8", "gap 8", "snapshot 8"]


async def test_what_can_not_be_polled_now_is_polled_later(serve: Serve, start_bot: StartBot) -> None:
    service = await serve(stays)
    service.blocked = True
    service.pages |= {
        "/api/sessions?since=S%3A7&limit=100": [
            503,
            {"what": "is this"},
            {"sessions": [{"id": "8"}], "cursor": "S:8", "recovered": True},
            {"sessions": [night(8)], "cursor": "S:8", "recovered": True},
        ],
        "/api/sessions?since=S%3A8&limit=100": {"sessions": [], "cursor": "S:8", "recovered": True},
        "/api/sessions/8/events": [
            page({**added(1, "b:2", 8), "sequence": None}, cursor="b:2"),
            page(began(8, "b:1"), added(1, "b:2", 8), cursor="b:2"),
        ],
    }

    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["session.started 8", "game.added 1"]

"""Where no WebSocket gets through, the same events come over REST."""

import asyncio
import logging
import os
from typing import Any

import pytest

from tests.bots.bot import FakeTime, bot_on
from tests.bots.server import NEWEST, added, auth, began, ended, events, night, nights, started

FROM_7, FROM_8 = "/api/sessions?since=S%3A7&limit=100", "/api/sessions?since=S%3A8&limit=100"
EIGHT_STARTS = {FROM_7: nights(night(8), cursor="S:8"), FROM_8: nights(cursor="S:8")}


def page_of(session_id: int, since: str) -> str:
    return f"/api/sessions/{session_id}/events?since={since.replace(':', '%3A')}&limit=100"


POLLED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a whole night": (
        {
            page_of(8, ""): events(began(8, "b:1"), added(1, "b:2", 8), cursor="b:2"),
            page_of(8, "b:2"): events(ended("b:3", 8), cursor="b:3"),
        },
        ["session.started 8", "game.added 1", "session.ended 8"],
    ),
    "a night whose events are gone": (
        {
            "/api/sessions/8/events": events(cursor="b:9") | {"recovered": False},
            "/api/sessions/8": night(8),
        },
        ["session.started 8", "gap 8", "snapshot 8"],
    ),
    "pages that can't be read at first": (
        {
            FROM_7: [
                503,
                {"what": "is this"},
                nights({"id": "8"}, cursor="S:8"),
                nights(night(8), cursor="S:8"),
            ],
            "/api/sessions/8/events": [
                events(added(1, "b:2", 8) | {"sequence": None}, cursor="b:2"),
                events(began(8, "b:1"), added(1, "b:2", 8), cursor="b:2"),
            ],
        },
        ["session.started 8", "game.added 1"],
    ),
}


@pytest.mark.parametrize("name", POLLED)
async def test_what_happens_is_polled_where_websockets_are_blocked(name: str) -> None:
    pages, heard = POLLED[name]

    async with bot_on(blocked=True, pages=EIGHT_STARTS | pages) as bot:
        assert await bot.hears(len(heard)) == heard

    assert {*bot.server.tokens} == {"Bearer a-token"}


async def test_a_bot_without_position_polls_the_active_nights() -> None:
    pages = {
        "/api/sessions?since=now&limit=100": nights(cursor="S:6"),
        NEWEST: nights(night(7), cursor="S:7"),
        FROM_7: nights(cursor="S:7"),
        "/api/sessions/7": night(7),
        page_of(7, "now"): events(cursor="a:3"),
        page_of(7, "a:3"): events(added(3, "a:4"), cursor="a:4"),
    }

    async with bot_on(blocked=True, cursors=None, pages=pages) as bot:
        assert await bot.hears(2) == ["snapshot 7", "game.added 3"]


async def test_a_websocket_goes_on_where_polling_was() -> None:
    pages = EIGHT_STARTS | {
        "/api/sessions/8/events": events(began(8, "b:1"), cursor="b:1"),
        page_of(8, "b:1"): events(cursor="b:1"),
    }

    async with bot_on([auth("S:9"), started(8), started(9)], blocked=True, pages=pages) as bot:
        assert await bot.hears() == ["session.started 8"]
        bot.server.blocked = False
        assert await bot.hears() == ["session.started 9"]
        assert await bot.server.asked() == ["auth S:8"]


async def test_polling_keeps_its_rhythm_until_the_next_attempt(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async with bot_on(blocked=True, cursors={"sessions": "S:0"}, time=FakeTime(0.9)) as bot:
        bot.hears_meanwhile()
        await bot.time.passes(0.9, 1.8, 3.6, 5.0, 2.2)
        await bot.time.waits_for(5.0)

    assert caplog.text.count("no WebSocket for now; polling every 5 s") == 1


async def test_why_nothing_is_reached_is_told_once_an_attempt(caplog: pytest.LogCaptureFixture) -> None:
    async with bot_on(url="http://127.0.0.1:1", time=FakeTime(0.5)) as bot:
        bot.hears_meanwhile()
        await bot.time.passes(0.5, 1.0, 2.0, 4.0)
        await bot.time.waits_for(5.0)

    told = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(told) == 5
    assert all(said.startswith("nobody answers at http://127.0.0.1:1 yet ([Errno ") for said in told)
    assert all("is it http or https?); next attempt in" in said for said in told)


async def test_https_where_it_is_http_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with bot_on(url=f"https://127.0.0.1:{port}", time=FakeTime(0.5)) as bot:
            bot.hears_meanwhile()
            await bot.time.waits_for(0.5)

    assert "yet (the address is http, not https); next attempt in" in caplog.text


@pytest.mark.parametrize("name", ["socks_proxy", "https_proxy", "SOCKS_PROXY"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
async def test_a_bot_polls_where_a_socks_proxy_needs_a_package(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, scheme: str
) -> None:
    for variable in [variable for variable in os.environ if variable.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv(name, f"{scheme}://127.0.0.1:1")
    # A loopback address takes no proxy.
    monkeypatch.setattr("gamenight.following.follower.is_loopback", lambda _: False)

    async with bot_on(pages=EIGHT_STARTS | {"/api/sessions/8/events": events(cursor="b:0")}) as bot:
        assert await bot.hears() == ["session.started 8"]

    assert "pip install 'python-socks[asyncio]'" in caplog.text

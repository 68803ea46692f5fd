"""How a program sees its connection, and how it ends it."""

import asyncio
from typing import Any

import pytest
from gamenight import GameNight, MemoryCursors

from tests.bots.bot import AT_SEVEN, TOKEN, FakeTime
from tests.bots.server import Script, Server, added, auth, began, hang_up, night, nights, started, subscribed
from tests.bots.server import events as page_of

IN_A_NIGHT = {"sessions": "S:7", "session:7": "a:2"}
CATCHES_UP: Script = [auth(), subscribed("a:3"), added(3, "a:3")]
BROKEN = ["connecting", "live", "connecting", "catching_up", "live"]
GOES_ON: Script = [auth(), started(8), subscribed("b:0"), started(9)]


def client(server: Server, cursors: dict[str, str], states: list[str]) -> GameNight:
    store = MemoryCursors({**cursors})
    return GameNight(server.url, TOKEN, cursors=store, on_state=states.append, surroundings=FakeTime())


async def heard(service: GameNight, count: int) -> None:
    events = service.events()
    for _ in range(count):
        await anext(events)
    await service.aclose()
    assert [event async for event in events] == []


@pytest.mark.parametrize(
    ("scripts", "cursors", "events", "states"),
    [
        ([GOES_ON], AT_SEVEN, 2, ["connecting", "live"]),
        ([CATCHES_UP], IN_A_NIGHT, 1, ["connecting", "catching_up", "live"]),
        ([[hang_up], GOES_ON], AT_SEVEN, 1, ["connecting", "live"]),
        ([[auth(), started(8), hang_up], GOES_ON], AT_SEVEN, 2, BROKEN),
    ],
    ids=["nothing was missed", "events were missed", "the first attempt fails", "the connection breaks"],
)
async def test_each_state_is_told(scripts: Any, cursors: Any, events: int, states: list[str]) -> None:
    told: list[str] = []
    async with Server(scripts).serving() as server, client(server, cursors, told) as service:
        before = service.state
        await heard(service, events)
        after = service.state

    assert (before, after) == ("closed", "closed")
    assert told == [*states, "closed"]


async def test_polling_is_a_state() -> None:
    told: list[str] = []
    starts = {"/api/sessions?since=S%3A7&limit=100": nights(night(8), cursor="S:8")}
    pages = {**starts, "/api/sessions/8/events": page_of(began(8, "b:1"), cursor="b:1")}
    async with (
        Server([GOES_ON], pages, blocked=True).serving() as server,
        client(server, AT_SEVEN, told) as service,
    ):
        events = service.events()
        await anext(events)
        while service.state != "polling":  # noqa: ASYNC110 - what sets it is no event
            await asyncio.sleep(0)
        server.blocked = False
        await anext(events)
        await service.aclose()

    assert told == ["connecting", "polling", "catching_up", "live", "closed"]


async def test_a_client_that_is_closed_leaves_at_once_and_may_listen_again() -> None:
    told: list[str] = []
    async with Server([[auth(), started(8)], [auth(), started(9)]]).serving() as server:
        async with client(server, AT_SEVEN, told) as service:
            events = service.events()
            await anext(events)
            waiting = asyncio.ensure_future(anext(events, None))
            while service.state != "live":  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0)
        again = service.events()
        event = await anext(again)
        await again.aclose()

    assert await waiting is None
    assert event.session_id == 9


async def test_a_client_that_never_listened_is_closed() -> None:
    async with GameNight("http://localhost:5000", TOKEN) as service:
        assert service.state == "closed"

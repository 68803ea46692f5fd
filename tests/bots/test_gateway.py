"""The client library on the real thing: the local gateway, over a line that breaks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from gamenight import GameNight, Refused

from tests.bots.line import Line, line_to
from tests.bots.listening import Ear, listening, named
from tests.bots.surroundings import Hurried
from tests.clients import Host, Target
from tests.gateway import Gateway

NIGHTS = 15


@pytest.fixture
async def line(gateway: Gateway) -> AsyncIterator[Line]:
    async with line_to(int(gateway.port)) as line:
        yield line


def bot_on(line: Line, target: Target, cursors: Any = None) -> GameNight:
    url = f"ws://127.0.0.1:{line.port}/api/sessions/live"
    return GameNight(url, target.token("bot"), cursors=cursors, surroundings=Hurried())


async def play(host: Host, notes: str) -> dict[str, Any]:
    """Hold a short night: two games, a vote for each, the end."""
    session: dict[str, Any] = await host.start(notes)
    at = f"/api/sessions/{session['id']}"
    for title in ("Quiplash 3", "Fibbage"):
        assert (await host.http.post(f"{at}/games", json={"title": title})).status_code == 201
        vote = {"username": "alice", "type": "up"}
        assert (await host.http.post(f"{at}/votes", json=vote)).status_code == 201
    assert (await host.http.post(f"{at}/close")).status_code == 200
    return session


async def at_the_start_of(ear: Ear, session: dict[str, Any]) -> None:
    """Pass over what other tests have left, up to a night's own start."""
    while named(await ear.next()) != f"session.started {session['id']}":
        pass


def of_night(session: dict[str, Any]) -> list[str]:
    return [
        f"session.started {session['id']}",
        "game.added 1",
        "vote.received 1",
        "game.added 2",
        "vote.received 2",
        f"session.ended {session['id']}",
    ]


async def test_a_whole_night_is_heard_in_order(line: Line, target: Target, host: Host) -> None:
    async with listening(bot_on(line, target)) as ear:
        await begun(ear, host)
        session = await play(host, "Friday")

        heard = [named(event) async for event in of(ear, session)]

    assert heard == of_night(session)


async def test_nothing_is_lost_and_nothing_comes_twice_over_a_line_that_keeps_breaking(
    line: Line, target: Target, host: Host
) -> None:
    async with listening(bot_on(line, target)) as ear:
        await begun(ear, host)
        playing = asyncio.create_task(play_and_cut(host, line))
        heard: list[str] = []
        ended = 0
        while ended < NIGHTS:
            event = await ear.next()
            heard.append(f"{event.session_id}: {named(event)}")
            ended += event.type == "session.ended"
        nights = await playing

    for session in nights:
        mine = [
            name for at, _, name in (entry.partition(": ") for entry in heard) if at == str(session["id"])
        ]
        assert mine == of_night(session)
    assert line.connections > NIGHTS


async def test_what_happened_while_the_bot_was_not_running_is_heard_when_it_is(
    line: Line, target: Target, host: Host, tmp_path: Path
) -> None:
    path = tmp_path / "cursors.json"
    async with listening(bot_on(line, target, path)) as ear:
        await begun(ear, host)
        first = await host.start("the bot hears this, and is stopped before it has dealt with it")
        await at_the_start_of(ear, first)
    session = await play(host, "nobody is there")

    async with listening(bot_on(line, target, path)) as ear:
        await at_the_start_of(ear, first)
        heard = [named(event) async for event in of(ear, session)]

    assert heard == of_night(session)


async def test_without_a_websocket_the_same_events_are_polled(target: Target, host: Host) -> None:
    async def token() -> str:
        return target.token("bot")

    night = GameNight(
        target.rest_url,
        token,
        websocket_url="ws://127.0.0.1:1/api/sessions/live",
        surroundings=Hurried(),
    )
    async with listening(night) as ear:
        await begun(ear, host)
        session = await play(host, "behind a proxy")

        events = [event async for event in of(ear, session)]

    assert [named(event) for event in events] == of_night(session)
    assert events[0].data["session"] == session


async def test_a_bot_that_comes_late_is_told_of_the_night_and_can_vote(target: Target, host: Host) -> None:
    session = await host.start("already running")
    at = f"/api/sessions/{session['id']}"
    await host.http.post(f"{at}/games", json={"title": "Quiplash 3"})
    night = GameNight(target.rest_url, target.token("bot"), surroundings=Hurried())
    async with listening(night) as ear:
        while (snapshot := await ear.next()).session_id != session["id"]:
            pass
        with pytest.raises(Refused, match="no game 9"):
            await night.vote(session["id"], "bob", "up", game_id=9)
        counted = await night.vote(session["id"], "bob", "down")
        event = await ear.next()

    assert snapshot.type == "snapshot"
    assert [game["title"] for game in snapshot.data["session"]["games"]] == ["Quiplash 3"]
    assert event.type == "vote.received"
    assert event.data == counted
    assert (await host.http.post(f"{at}/close")).status_code == 200


async def begun(ear: Ear, host: Host) -> None:
    """Return once a bot certainly listens: it has heard of a night that was started meanwhile."""
    session = await host.start("is anybody there?")
    while (await ear.next()).session_id != session["id"]:
        pass
    await host.http.post(f"/api/sessions/{session['id']}/close")
    while named(await ear.next()) != f"session.ended {session['id']}":
        pass


async def of(ear: Ear, session: dict[str, Any]) -> AsyncIterator[Any]:
    """Yield the events of one night, to its end."""
    while True:
        event = await ear.next()
        if event.session_id == session["id"]:
            yield event
            if event.type == "session.ended":
                return


async def play_and_cut(host: Host, line: Line) -> list[dict[str, Any]]:
    """Hold nights, and cut the line in the middle of each."""
    nights = []
    for number in range(NIGHTS):
        playing = asyncio.create_task(play(host, f"night {number}"))
        line.cut()
        nights.append(await playing)
        line.cut()
    return nights

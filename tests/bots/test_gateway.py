"""The client library on the real thing: the local gateway, over a network that breaks."""

import asyncio
from typing import Any

import pytest
from gamenight import GameNight, Refused

from tests.bots.bot import Hurried
from tests.bots.listening import Listener, listening, named
from tests.bots.proxy import Proxy, proxy_to
from tests.clients import Host, Target
from tests.gateway import Gateway

NIGHTS = 15


async def play(host: Host, notes: str) -> Any:
    """Hold a short night: two games, a vote for each, the end."""
    session = await host.start(notes)
    for title in ("Quiplash 3", "Fibbage"):
        await host.add_game(session["id"], title)
        await host.vote(session["id"], "alice")
    await host.close(session["id"])
    return session


async def begun(listener: Listener, host: Host) -> None:
    """Return once a bot certainly listens: it has heard of a night that was started meanwhile."""
    session = await host.start("is anybody there?")
    while (await listener.next()).session_id != session["id"]:
        pass
    await host.close(session["id"])
    await events_of(listener, session)


async def events_of(listener: Listener, session: Any) -> list[Any]:
    """Return the events of one night, to its end."""
    events: list[Any] = []
    while not events or events[-1].type != "session.ended":
        event = await listener.next()
        events += [event] if event.session_id == session["id"] else []
    return events


def of_night(session: Any) -> list[str]:
    events = ["game.added 1", "vote.received 1", "game.added 2", "vote.received 2"]
    return [f"session.started {session['id']}", *events, f"session.ended {session['id']}"]


async def test_nothing_is_lost_or_doubled_while_connections_break(
    gateway: Gateway, target: Target, host: Host
) -> None:
    async def play_and_cut(proxy: Proxy) -> list[Any]:
        nights = []
        for number in range(NIGHTS):
            playing = asyncio.create_task(play(host, f"night {number}"))
            proxy.cut()
            nights.append(await playing)
            proxy.cut()
        return nights

    async with proxy_to(int(gateway.port)) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}/api/sessions/live"
        night = GameNight(url, target.token("bot"), surroundings=Hurried())
        async with listening(night) as listener:
            await begun(listener, host)
            playing = asyncio.create_task(play_and_cut(proxy))
            heard: dict[int | None, list[str]] = {}
            while sum(f"session.ended {night}" in events for night, events in heard.items()) < NIGHTS:
                event = await listener.next()
                heard.setdefault(event.session_id, []).append(named(event))
            nights = await playing

    assert [heard[night["id"]] for night in nights] == [of_night(night) for night in nights]
    assert proxy.connections > NIGHTS


async def test_without_a_websocket_the_same_events_are_polled(target: Target, host: Host) -> None:
    nowhere = "ws://127.0.0.1:1/api/sessions/live"
    token = target.token("bot")
    night = GameNight(target.rest_url, token, websocket_url=nowhere, surroundings=Hurried())
    async with listening(night) as listener:
        await begun(listener, host)
        session = await play(host, "behind a proxy")
        events = await events_of(listener, session)

    assert [named(event) for event in events] == of_night(session)
    assert events[0].data["session"] == session


async def test_a_bot_that_comes_late_can_vote(target: Target, host: Host) -> None:
    session = await host.start("already running")
    await host.add_game(session["id"], "Quiplash 3")
    night = GameNight(target.rest_url, target.token("bot"), surroundings=Hurried())
    async with listening(night) as listener:
        while (snapshot := await listener.next()).session_id != session["id"]:
            pass
        with pytest.raises(Refused, match="no game 9"):
            await night.vote(session["id"], "bob", "up", game_id=9)
        counted = await night.vote(session["id"], "bob", "down")
        event = await listener.next()
    await host.close(session["id"])

    assert snapshot.type == "snapshot"
    assert [game["title"] for game in snapshot.data["session"]["games"]] == ["Quiplash 3"]
    assert (event.type, event.data) == ("vote.received", counted)

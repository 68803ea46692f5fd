"""Which nights a bot follows: those that go on, the newest of too many."""

from typing import Any

from gamenight import MemoryCursors

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import NEWEST, Peer, added, began, ended, night, started


async def test_a_night_that_has_ended_is_left_and_forgotten(serve: Serve, start_bot: StartBot) -> None:
    left: list[int] = []

    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.lets_subscribe()
        await peer.sends(ended("a:3"))
        left.append((await peer.gets("unsubscribe"))["sessionId"])
        await peer.sends(ended("a:3"), started(8))
        await peer.stays()

    service = await serve(behave)
    cursors = MemoryCursors({"sessions": "S:7", "session:7": "a:2"})
    async with start_bot(service, cursors) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["session.ended 7", "session.started 8"]
    assert left == [7]
    assert cursors.cursors == {"sessions": "S:7"}


async def test_the_oldest_of_more_nights_than_a_connection_may_follow_is_given_up(
    serve: Serve, start_bot: StartBot
) -> None:
    asked: list[Any] = []

    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        asked.extend([(await peer.lets_subscribe())["sessionId"] for _ in range(50)])
        await peer.sends(started(60))
        asked.append(await peer.gets("unsubscribe"))
        asked.append((await peer.lets_subscribe("n:2"))["sessionId"])
        await peer.sends(began(60, "n:1"), added(1, "n:2", 60))
        await peer.stays()

    service = await serve(behave)
    nights = {f"session:{session_id}": f"n{session_id}:3" for session_id in range(9, 60)}
    cursors = MemoryCursors({"sessions": "S:59", **nights})
    async with start_bot(service, cursors) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["session.started 60", "gap 10", "game.added 1"]
    assert asked == [*range(10, 60), {"type": "unsubscribe", "sessionId": 10}, 60]
    assert set(cursors.cursors) == {"sessions", *(f"session:{number}" for number in range(11, 61))}


async def test_a_bot_that_follows_all_it_may_does_not_look_for_more(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:70", recovered=False)
        asked = [(await peer.lets_subscribe("n:1"))["sessionId"]]
        asked += [(await peer.lets_subscribe())["sessionId"] for _ in range(49)]
        assert asked == [70, *range(1, 50)]
        await peer.stays()

    service = await serve(behave)
    active = [night(70), night(69)]
    service.pages[NEWEST] = {"sessions": active, "cursor": "S:70", "recovered": True}
    service.pages["/api/sessions/70"] = {**night(70), "games": []}
    stored = {"sessions": "R:60", **{f"session:{number}": f"n{number}:1" for number in range(1, 50)}}
    async with start_bot(service, stored) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["gap -", "snapshot 70"]

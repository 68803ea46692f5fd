"""What a bot hears after a break: all that it has missed, once and in order."""

from functools import partial
from typing import Any

import pytest
from gamenight import MemoryCursors

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import NEWEST, Peer, added, authenticated, began, night, started


async def test_a_new_bot_starts_from_now_on_and_is_told_of_the_active_nights(
    serve: Serve, start_bot: StartBot
) -> None:
    asked: list[Any] = []

    async def behave(peer: Peer) -> None:
        asked.append(await peer.lets_in("S:7"))
        asked.append(await peer.lets_subscribe("a:3"))
        await peer.sends(started(8))
        asked.append(await peer.lets_subscribe("b:1"))
        await peer.stays()

    service = await serve(behave)
    newest = [night(7), night(6, active=False)]
    service.pages[NEWEST] = {"sessions": newest, "cursor": "S:7", "recovered": True}
    service.pages["/api/sessions/7"] = {**night(7), "games": []}
    async with start_bot(service) as bot:
        heard = [await bot.ear.next() for _ in range(2)]

    assert [event.type for event in heard] == ["snapshot", "session.started"]
    assert heard[0].data["session"] == {**night(7), "games": []}
    assert [(frame["type"], frame["since"]) for frame in asked] == [
        ("auth", "now"),
        ("subscribe", "now"),
        ("subscribe", ""),
    ]


async def test_a_night_that_starts_while_a_new_bot_looks_around_is_heard_from_its_beginning(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:7")
        await peer.sends(started(8))
        assert (await peer.lets_subscribe("b:2"))["since"] == ""
        await peer.sends(began(8, "b:1"), added(1, "b:2", 8))
        await peer.stays()

    service = await serve(behave)
    service.pages[NEWEST] = {"sessions": [night(8)], "cursor": "S:8", "recovered": True}
    async with start_bot(service) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["session.started 8", "game.added 1"]


async def test_what_was_missed_is_asked_for_by_the_stored_positions(
    serve: Serve, start_bot: StartBot
) -> None:
    asked: list[Any] = []

    async def behave(peer: Peer) -> None:
        asked.append(await peer.lets_in("S:8"))
        await peer.sends(started(8))
        asked.append(await peer.lets_subscribe("a:4"))
        await peer.sends(added(2, "a:3"), added(3, "a:4"))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7", "session:7": "a:2"}) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["session.started 8", "game.added 2", "game.added 3"]
    assert [frame["since"] for frame in asked] == ["S:7", "a:2"]


async def test_events_that_come_twice_are_heard_once(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:9")
        for session_id in (7, 8, 8, 9, 7, 9, 10):
            await peer.sends(started(session_id))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["session.started 8", "session.started 9", "session.started 10"]


async def test_the_start_of_a_night_is_heard_once_though_two_streams_have_it(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:6")
        await peer.sends(started(7))
        await peer.lets_subscribe("a:2")
        await peer.sends(began(7, "a:1"), added(1, "a:2"))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:6"}) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["session.started 7", "game.added 1"]


async def test_a_connection_that_ends_in_the_middle_of_a_replay_is_gone_on_from_there(
    serve: Serve, start_bot: StartBot
) -> None:
    asked: list[str] = []

    async def breaks_off(peer: Peer) -> None:
        asked.append((await peer.lets_in("S:10"))["since"])
        await peer.sends(started(8))
        await peer.gets("subscribe")
        await peer.hangs_up()

    async def finishes(peer: Peer) -> None:
        asked.append((await peer.lets_in("S:10"))["since"])
        await peer.sends(started(9), started(10))
        await peer.stays()

    service = await serve(breaks_off, finishes)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["session.started 8", "session.started 9", "session.started 10"]
    assert asked == ["S:7", "S:8"]


@pytest.mark.parametrize("frames", range(7))
async def test_a_connection_that_is_cut_anywhere_costs_no_event(
    serve: Serve, start_bot: StartBot, frames: int
) -> None:
    async def replays(peer: Peer, most: int) -> None:
        """Send what follows a client's places, and hang up after so many frames."""
        asked = await peer.gets("auth")
        night = [began(8, "a:1"), added(1, "a:2", 8), added(2, "a:3", 8)]
        said = [authenticated(asked["since"], "S:9")]
        said += [start for start in (started(8), started(9)) if start["cursor"] > asked["since"]]
        await peer.sends(*said[:most])
        if most < len(said):
            await peer.hangs_up()
            return
        at = (await peer.lets_subscribe("a:3"))["since"]
        left = most - len(said)
        await peer.sends(*[event for event in night if event["cursor"] > at][:left])
        await (peer.hangs_up() if left < len(night) else peer.stays())

    service = await serve(partial(replays, most=frames), partial(replays, most=99))
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(4)

    assert sorted(heard) == ["game.added 1", "game.added 2", "session.started 8", "session.started 9"]
    assert heard.index("session.started 8") < heard.index("game.added 1") < heard.index("game.added 2")


async def test_a_position_is_kept_once_the_bot_has_dealt_with_the_event(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:9")
        await peer.sends(started(8), started(9))
        await peer.stays()

    service = await serve(behave)
    cursors = MemoryCursors({"sessions": "S:7"})
    async with start_bot(service, cursors) as bot:
        await bot.ear.next()
        during = dict(cursors.cursors)
        await bot.ear.next()
        after = dict(cursors.cursors)

    assert during == {"sessions": "S:7"}
    assert after == {"sessions": "S:8", "session:8": ""}


async def test_a_bot_that_was_killed_over_an_event_hears_it_again(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:9")
        await peer.sends(started(8), started(9))
        await peer.stays()

    service = await serve(behave)
    cursors = MemoryCursors({"sessions": "S:7"})
    async with start_bot(service, cursors) as bot:
        before = await bot.ear.hears(2)
    async with start_bot(service, cursors) as bot:
        after = await bot.ear.hears(1)

    assert before == ["session.started 8", "session.started 9"]
    assert after == ["session.started 9"]


async def test_two_bots_can_not_listen_with_one_game_night(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:8")
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        await bot.ear.next()

        with pytest.raises(RuntimeError, match="listening already"):
            await anext(bot.night.events())

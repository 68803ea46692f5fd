"""What a bot hears, whatever the service and the network do to its connections."""

from typing import Any

import pytest
from gamenight import MemoryCursors

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import Peer, added, authenticated, ended, night, started


async def test_a_new_bot_starts_from_now_on_and_is_told_of_the_active_nights(
    serve: Serve, start_bot: StartBot
) -> None:
    asked: list[Any] = []

    async def behave(peer: Peer) -> None:
        asked.append(await peer.lets_in("S:7", recovered=False))
        asked.append(await peer.lets_subscribe("a:3", recovered=False))
        await peer.sends(started(8))
        asked.append(await peer.lets_subscribe("b:1"))
        await peer.stays()

    service = await serve(behave)
    service.pages["/api/sessions"] = {
        "sessions": [night(6, active=False), night(7)],
        "cursor": "S:7",
        "recovered": True,
    }
    service.pages["/api/sessions/7"] = {**night(7), "games": []}
    async with start_bot(service) as bot:
        heard = [await bot.ear.next() for _ in range(2)]

    assert [event.type for event in heard] == ["snapshot", "session.started"]
    assert heard[0].data["session"] == {**night(7), "games": []}
    assert [(frame["type"], frame["since"]) for frame in asked] == [
        ("auth", "new:0"),
        ("subscribe", "new:0"),
        ("subscribe", ""),
    ]


async def test_a_night_that_starts_while_a_new_bot_looks_around_is_heard_from_its_beginning(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:7", recovered=False)
        await peer.sends(started(8))
        assert (await peer.lets_subscribe("b:2"))["since"] == ""
        await peer.sends(started(8, "b:1"), added(1, "b:2", 8))
        await peer.stays()

    service = await serve(behave)
    service.pages["/api/sessions"] = {"sessions": [night(8)], "cursor": "S:8", "recovered": True}
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
    async with start_bot(service, {"sessions": "S:7", "7": "a:2"}) as bot:
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


async def test_live_events_that_overtake_a_replay_wait_for_it(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        await peer.gets("auth")
        await peer.sends(started(10), authenticated("S:9"), started(11), started(8), started(9))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(4)

    assert heard == [f"session.started {session_id}" for session_id in (8, 9, 10, 11)]


async def test_the_start_of_a_night_is_heard_once_though_two_streams_have_it(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:6")
        await peer.sends(started(7))
        await peer.lets_subscribe("a:2")
        await peer.sends(started(7, "a:1"), added(1, "a:2"))
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


@pytest.mark.parametrize(
    "half",
    [
        b"\x81\x7e\x01",  # the head of a frame
        b'\x81\x7e\x01\x00{"type":"session.st',  # a frame without its end
        b"\x01\x02{}",  # a message whose last part never comes
        b"\xff\xff\xff\xff",  # no frame at all
        b"\x81\x02\xc3\x28",  # a text that is no text
    ],
)
async def test_half_a_frame_costs_a_connection_and_no_event(
    serve: Serve, start_bot: StartBot, half: bytes
) -> None:
    async def breaks_off(peer: Peer) -> None:
        await peer.lets_in("S:7")
        peer.socket.transport.write(half)
        peer.socket.transport.close()
        await peer.stays()

    async def goes_on(peer: Peer) -> None:
        await peer.lets_in("S:8")
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(breaks_off, goes_on)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["session.started 8"]


async def test_garbage_is_passed_over(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:7")
        await peer.sends("", "{", "[]", "null", '"type"', "[" * 500, b"\x00\xff", "{}", {"type": None})
        await peer.sends({"message": "Internal server error", "connectionId": "x", "requestId": "y"})
        await peer.sends({**started(9), "cursor": None}, {**started(9), "cursor": "S:nine"})
        await peer.sends({**started(9), "cursor": "S:" + "9" * 5000}, {**started(9), "cursor": "S:²"})
        await peer.sends({"type": "subscribed"}, {"type": "subscribed", "sessionId": 99, "cursor": "z:1"})
        await peer.sends({"type": "reconnect", "afterMs": "soon"} | {"type": "unheard of"})
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["session.started 8"]
    assert service.connections == 1


async def test_an_event_that_no_bot_could_use_is_passed_over_and_not_asked_for_again(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:7")
        await peer.sends({**started(8), "data": {"session": {"id": "8"}}}, {**started(9), "data": []})
        await peer.sends(started(10))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["session.started 10"]


async def test_an_event_of_a_type_that_is_new_is_heard_as_it_is(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.lets_subscribe()
        await peer.sends({**added(1, "a:3"), "type": "game.removed"})
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7", "7": "a:2"}) as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["game.removed 1"]


async def test_a_hole_is_asked_for(serve: Serve, start_bot: StartBot) -> None:
    asked: list[Any] = []

    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.lets_subscribe()
        await peer.sends(added(1, "a:3"), added(3, "a:5"))
        asked.append(await peer.lets_subscribe("a:5"))
        await peer.sends(added(2, "a:4"), added(3, "a:5"))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7", "7": "a:2"}) as bot:
        first = await bot.ear.hears(1)
        await bot.stage.passes(10)
        rest = await bot.ear.hears(2)

    assert first + rest == ["game.added 1", "game.added 2", "game.added 3"]
    assert [frame["since"] for frame in asked] == ["a:3"]
    assert service.connections == 1


async def test_a_replay_that_stops_is_asked_for_again(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:9")
        await peer.sends(started(8))
        await peer.gets("subscribe")
        assert (await peer.lets_in("S:9"))["since"] == "S:8"
        await peer.sends(started(9))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        first = await bot.ear.hears(1)
        await bot.stage.passes(10)
        rest = await bot.ear.hears(1)

    assert first + rest == ["session.started 8", "session.started 9"]


async def test_a_hole_that_asking_does_not_fill_is_taken_to_another_connection(
    serve: Serve, start_bot: StartBot
) -> None:
    asked: list[str] = []

    async def never_fills(peer: Peer) -> None:
        await peer.lets_in("S:7")
        await peer.sends(started(9))
        while True:
            asked.append((await peer.lets_in("S:7"))["since"])

    async def fills(peer: Peer) -> None:
        assert (await peer.lets_in("S:9"))["since"] == "S:7"
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(never_fills, fills)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        hearing = bot.hears_in_background(2)
        while service.connections < 2:
            await bot.stage.passes(10)
        heard = await hearing

    assert heard == ["session.started 8", "session.started 9"]
    assert asked[:3] == ["S:7"] * 3


async def test_starts_that_can_not_be_recovered_are_a_gap_and_the_active_nights(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("T:1", recovered=False)
        await peer.lets_subscribe("c:1", recovered=False)
        await peer.sends(started(2, "T:2"))
        await peer.stays()

    service = await serve(behave)
    service.pages["/api/sessions"] = {"sessions": [night(1)], "cursor": "T:1", "recovered": True}
    service.pages["/api/sessions/1"] = {**night(1), "games": []}
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["gap -", "snapshot 1", "session.started 2"]


async def test_a_night_that_can_not_be_recovered_is_a_gap_and_a_snapshot(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.lets_subscribe("a:90", recovered=False)
        await peer.sends(added(5, "a:91"))
        await peer.stays()

    service = await serve(behave)
    service.pages["/api/sessions/7"] = {**night(7), "games": []}
    async with start_bot(service, {"sessions": "S:7", "7": "a:2"}) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["gap 7", "snapshot 7", "game.added 5"]


async def test_live_events_that_come_before_it_is_clear_that_all_is_new_are_heard(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.gets("auth")
        await peer.sends(started(1, "T:1"), started(2, "T:2"), authenticated("T:1", recovered=False))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["session.started 1", "gap -", "session.started 2"]


async def test_tables_that_are_recreated_under_a_connection_are_noticed(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.sends(started(1, "T:1"))
        assert (await peer.lets_in("T:1", recovered=False))["since"] == "new:0"
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["session.started 1", "gap -"]


async def test_a_state_that_can_not_be_read_is_read_on_the_next_connection(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.lets_subscribe("a:90", recovered=False)
        await peer.stays()

    service = await serve(behave)
    service.pages["/api/sessions/7"] = [503, 503, 503, 503, {**night(7), "games": []}]
    async with start_bot(service, {"sessions": "S:7", "7": "a:2"}) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["gap 7", "snapshot 7"]
    assert service.connections == 2


async def test_a_night_that_is_not_known_any_more_is_a_gap_and_forgotten(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        frame = await peer.gets("subscribe")
        error = {"code": "session_not_found", "message": "There is no session 7.", "retryable": False}
        await peer.sends({"type": "error", **error, "id": frame["id"]}, started(8))
        await peer.stays()

    service = await serve(behave)
    cursors = MemoryCursors({"sessions": "S:7", "7": "a:2"})
    async with start_bot(service, cursors) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["gap 7", "session.started 8"]
    assert "7" not in cursors.cursors


async def test_a_position_that_is_no_cursor_for_the_service_is_given_up(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        frame = await peer.gets("subscribe")
        error = {"code": "invalid_cursor", "message": "Expected a cursor.", "retryable": False}
        await peer.sends({"type": "error", **error, "id": frame["id"]})
        await peer.lets_subscribe("a:3", recovered=False)
        await peer.stays()

    service = await serve(behave)
    service.pages["/api/sessions/7"] = {**night(7), "games": []}
    async with start_bot(service, {"sessions": "S:7", "7": "weird:999"}) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["gap 7", "snapshot 7"]


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
    cursors = MemoryCursors({"sessions": "S:7", "7": "a:2"})
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
        await peer.sends(started(60, "n:1"), added(1, "n:2", 60))
        await peer.stays()

    service = await serve(behave)
    nights = {str(session_id): f"n{session_id}:3" for session_id in range(9, 60)}
    cursors = MemoryCursors({"sessions": "S:59", **nights})
    async with start_bot(service, cursors) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["session.started 60", "gap 10", "game.added 1"]
    assert asked == [*range(10, 60), {"type": "unsubscribe", "sessionId": 10}, 60]
    assert set(cursors.cursors) == {"sessions", *(str(number) for number in range(11, 61))}


async def test_a_bot_that_follows_all_it_may_does_not_look_for_more(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:70", recovered=False)
        asked = [(await peer.lets_subscribe("n:1", recovered=False))["sessionId"]]
        asked += [(await peer.lets_subscribe())["sessionId"] for _ in range(49)]
        assert asked == [70, *range(1, 50)]
        await peer.stays()

    service = await serve(behave)
    active = [night(69), night(70)]
    service.pages["/api/sessions"] = {"sessions": active, "cursor": "S:70", "recovered": True}
    service.pages["/api/sessions/70"] = {**night(70), "games": []}
    stored = {"sessions": "R:60", **{str(number): f"n{number}:1" for number in range(1, 50)}}
    async with start_bot(service, stored) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["gap -", "snapshot 70"]


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
    assert after == {"sessions": "S:8", "8": ""}


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

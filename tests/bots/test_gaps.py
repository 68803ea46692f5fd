"""What can't be had any more is told as a gap, and followed by the state as it is."""

from gamenight import MemoryCursors

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import NEWEST, Peer, added, night, started


async def test_starts_that_can_not_be_recovered_are_a_gap_and_the_active_nights(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("T:1", recovered=False)
        await peer.lets_subscribe("c:1", recovered=False)
        await peer.sends(started(2, "T:2"))
        await peer.stays()

    service = await serve(behave)
    service.pages[NEWEST] = {"sessions": [night(1)], "cursor": "T:1", "recovered": True}
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
    async with start_bot(service, {"sessions": "S:7", "session:7": "a:2"}) as bot:
        heard = await bot.ear.hears(3)

    assert heard == ["gap 7", "snapshot 7", "game.added 5"]


async def test_a_state_that_can_not_be_read_is_read_on_the_next_connection(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        await peer.lets_subscribe("a:90", recovered=False)
        await peer.stays()

    service = await serve(behave)
    service.pages["/api/sessions/7"] = [503, 503, 503, 503, {**night(7), "games": []}]
    async with start_bot(service, {"sessions": "S:7", "session:7": "a:2"}) as bot:
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
    cursors = MemoryCursors({"sessions": "S:7", "session:7": "a:2"})
    async with start_bot(service, cursors) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["gap 7", "session.started 8"]
    assert "session:7" not in cursors.cursors


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
    async with start_bot(service, {"sessions": "S:7", "session:7": "weird:999"}) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["gap 7", "snapshot 7"]

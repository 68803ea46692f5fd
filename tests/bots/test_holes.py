"""Events that do not come are asked for, on this connection or on another."""

from typing import Any

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import Peer, added, started


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

"""A connection on which nothing moves, though something is to come, is given up for another one."""

import asyncio

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import Peer, added, authenticated, night, started
from tests.bots.surroundings import Stage

STALLED = 30.0


async def goes_on(peer: Peer) -> None:
    """Bring what is missing up to the ninth night."""
    at = int((await peer.lets_in("S:9"))["since"].partition(":")[2])
    await peer.sends(*(started(number) for number in range(at + 1, 10)))
    await peer.stays()


async def test_an_answer_that_does_not_come_costs_the_connection(serve: Serve, start_bot: StartBot) -> None:
    async def says_nothing(peer: Peer) -> None:
        await peer.gets("auth")
        await peer.sends({"message": "Internal server error", "connectionId": "x", "requestId": "y"})
        await peer.stays()

    service = await serve(says_nothing, goes_on)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        hearing = bot.hears_in_background(2)
        await bot.stage.passes(STALLED)
        heard = await hearing

    assert heard == ["session.started 8", "session.started 9"]


async def test_a_replay_that_stops_is_gone_on_with_on_another_connection(
    serve: Serve, start_bot: StartBot
) -> None:
    async def stops(peer: Peer) -> None:
        await peer.lets_in("S:9")
        await peer.sends(started(8))
        await peer.lets_subscribe("a:0")
        await peer.stays()

    service = await serve(stops, goes_on)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        first = await bot.ear.hears(1)
        hearing = bot.hears_in_background(1)
        await bot.stage.passes(STALLED)
        rest = await hearing

    assert first + rest == ["session.started 8", "session.started 9"]
    assert service.connections == 2


async def test_a_replay_that_moves_is_waited_for(serve: Serve, start_bot: StartBot) -> None:
    go_on: asyncio.Queue[int] = asyncio.Queue()

    async def is_slow(peer: Peer) -> None:
        await peer.lets_in("S:7")
        await peer.lets_subscribe("a:3")
        for number in (1, 2, 3):
            await peer.sends(added(number, f"a:{number}"))
            await go_on.get()
        await peer.stays()

    service = await serve(is_slow)
    async with start_bot(service, {"sessions": "S:7", "session:7": "a:0"}) as bot:
        heard: list[str] = []
        for number in (1, 2, 3):
            heard += await bot.ear.hears(1)
            await time_passes(bot.stage, STALLED - 10)
            go_on.put_nowait(number)

    assert heard == ["game.added 1", "game.added 2", "game.added 3"]
    assert service.connections == 1


async def test_time_in_which_nobody_reads_does_not_count(serve: Serve, start_bot: StartBot) -> None:
    async def is_quick(peer: Peer) -> None:
        await peer.lets_in("S:8")
        await peer.lets_subscribe("a:9", recovered=False)
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(is_quick)
    service.pages["/api/sessions/7"] = [503, {**night(7), "games": []}]
    stage = Stage(chance=0.5)
    async with start_bot(service, {"sessions": "S:7", "session:7": "a:1"}, stage=stage) as bot:
        hearing = bot.hears_in_background(3)
        await stage.waits_for(0.5)  # to ask for the night's state again, while the start of 8 is not read
        await time_passes(stage, STALLED + 10)
        heard = await hearing

    assert heard == ["gap 7", "snapshot 7", "session.started 8"]
    assert service.connections == 1


async def time_passes(stage: Stage, seconds: float) -> None:
    """Let time pass, whoever waits for it."""
    waiting = asyncio.create_task(stage.sleep(seconds))
    await stage.passes(seconds)
    await waiting


async def test_what_comes_before_its_answer_comes_again_after_it(serve: Serve, start_bot: StartBot) -> None:
    async def behave(peer: Peer) -> None:
        since = (await peer.gets("auth"))["since"]
        await peer.sends(started(9), authenticated(since, "S:9"), started(8), started(9))
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7"}) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["session.started 8", "session.started 9"]

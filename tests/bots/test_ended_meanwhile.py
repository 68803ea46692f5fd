"""A night that ends while a bot asks where it is: its end comes before the answer."""

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import Peer, ended, night, started


async def test_a_bot_that_has_heard_the_end_before_the_answer_keeps_its_connection(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in("S:7", recovered=False)
        await peer.sends(ended("a:3", 7))
        await peer.lets_subscribe("a:3", recovered=False)
        await peer.sends(started(8))
        await peer.stays()

    service = await serve(behave)
    service.pages["/api/sessions"] = {"sessions": [night(7)], "cursor": "S:7", "recovered": True}
    async with start_bot(service) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["session.ended 7", "session.started 8"]
    assert service.connections == 1


async def test_a_bot_that_has_lost_its_position_in_it_is_told_so_before_the_end(
    serve: Serve, start_bot: StartBot
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.lets_in()
        frame = await peer.gets("subscribe")
        await peer.sends(ended("b:3", 7))
        await peer.sends(
            {"type": "subscribed", "sessionId": 7, "cursor": "b:3", "recovered": False, "id": frame["id"]}
        )
        await peer.stays()

    service = await serve(behave)
    async with start_bot(service, {"sessions": "S:7", "7": "a:1"}) as bot:
        heard = await bot.ear.hears(2)

    assert heard == ["gap 7", "session.ended 7"]
    assert service.connections == 1

"""What is no frame, or no event that a bot could use, costs none of the others."""

import pytest

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import Peer, added, authenticated, started


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
        await peer.sends({**started(9), "cursor": None}, {**started(9), "sequence": "9"})
        await peer.sends({**started(9), "stream": 7}, {**started(9), "stream": "what is this"})
        await peer.sends(
            {"type": "subscribed"}, {"type": "subscribed", "sessionId": 99, "stream": "session:99"}
        )
        await peer.sends({**authenticated("S:99"), "last": None}, authenticated("S:99"))
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
    async with start_bot(service, {"sessions": "S:7", "session:7": "a:2"}) as bot:
        heard = await bot.ear.hears(1)

    assert heard == ["game.removed 1"]

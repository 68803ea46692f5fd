"""``session.started``: to whom it goes, and what they get.

Other people may be starting sessions on the target, so an event is known by its session's id. That something
was not sent is shown by something later that was: a witness hears a later session, and the connection itself
has its ping answered.
"""

import asyncio
import json
from typing import Any

import pytest

from tests.clients import Bot, Connect, Host, Target


@pytest.fixture
async def witness(target: Target, connected: Connect) -> Bot:
    return await connected(target.token("bot"))


async def heard_by_all(host: Host, witness: Bot) -> Any:
    """Start a session and return it once its event, and a later one after it, has been delivered."""
    session = await host.start()
    later = await host.start()
    await witness.hear_start_of(session["id"])
    await witness.hear_start_of(later["id"])
    return session


async def test_the_event_has_the_shape_of_the_seed_to_the_byte(witness: Bot, host: Host) -> None:
    session = await host.start("Friday Game Night 🎲")

    text = await witness.hear_start_of(session["id"])

    timestamp = json.loads(text)["timestamp"]
    assert text == (
        f'{{"type":"session.started","timestamp":"{timestamp}","data":{{"session":{{'
        f'"id":{session["id"]},"is_active":1,"created_at":"{session["created_at"]}",'
        f'"notes":"Friday Game Night 🎲"}}}}}}'
    )
    assert len(timestamp) == len("2025-11-01T20:00:00.123Z")
    assert timestamp.endswith("Z")
    assert timestamp >= session["created_at"]


async def test_notes_that_were_not_given_are_announced_as_null(witness: Bot, host: Host) -> None:
    session = await host.start()

    event = json.loads(await witness.hear_start_of(session["id"]))

    assert event["data"]["session"]["notes"] is None


async def test_the_event_shows_the_session_as_its_host_was_answered(witness: Bot, host: Host) -> None:
    session = await host.start("Friday")

    event = json.loads(await witness.hear_start_of(session["id"]))

    assert event["data"] == {"session": session}
    assert list(event["data"]["session"]) == list(session)


@pytest.mark.parametrize("role", ["admin", "bot"])
async def test_everyone_who_is_authenticated_hears_it(
    target: Target, connected: Connect, host: Host, role: str
) -> None:
    listener = await connected(target.token(role))

    session = await host.start()

    assert await listener.hear_start_of(session["id"])


async def test_subscribed_or_not_the_same_bytes_arrive(
    target: Target, connected: Connect, host: Host, witness: Bot
) -> None:
    subscribed = await connected(target.token("bot"))
    before = await host.start()
    await subscribed.ask({"type": "subscribe", "sessionId": before["id"]})

    session = await host.start()

    assert await subscribed.hear_start_of(session["id"]) == await witness.hear_start_of(session["id"])


async def test_every_connection_of_one_client_gets_its_own_copy(
    target: Target, connected: Connect, host: Host
) -> None:
    token = target.token("bot")
    bots = await asyncio.gather(*(connected(token) for _ in range(10)))

    session = await host.start()

    copies = await asyncio.gather(*(bot.hear_start_of(session["id"]) for bot in bots))
    assert len(set(copies)) == 1


async def test_who_has_only_connected_hears_nothing(connected: Connect, host: Host, witness: Bot) -> None:
    silent = await connected()

    await heard_by_all(host, witness)

    assert (await silent.ask({"type": "ping"}))["type"] == "pong"
    assert silent.heard == []


async def test_whose_token_was_refused_hears_nothing(connected: Connect, host: Host, witness: Bot) -> None:
    refused = await connected()
    await refused.ask({"type": "auth", "token": "junk"})

    await heard_by_all(host, witness)

    assert (await refused.ask({"type": "ping"}))["type"] == "pong"
    assert refused.heard == []


async def test_who_comes_later_is_not_told_what_was_before(
    target: Target, connected: Connect, host: Host, witness: Bot
) -> None:
    past = await heard_by_all(host, witness)
    latecomer = await connected(target.token("bot"))

    session = await host.start()
    await latecomer.hear_start_of(session["id"])

    assert past["id"] not in latecomer.started


async def test_who_has_left_holds_up_nobody(
    target: Target, connected: Connect, host: Host, witness: Bot
) -> None:
    polite, rude = await connected(target.token("bot")), await connected(target.token("bot"))

    await polite.socket.close()
    rude.socket.transport.abort()
    sessions = [await host.start() for _ in range(3)]

    for session in sessions:
        assert await witness.hear_start_of(session["id"])


async def test_many_starts_at_once_are_all_heard_and_none_between_them_is_missing(
    target: Target, connected: Connect, host: Host
) -> None:
    bots = await asyncio.gather(*(connected(target.token("bot")) for _ in range(3)))

    sessions = await asyncio.gather(*(host.start() for _ in range(20)))

    ids = {session["id"] for session in sessions}
    assert len(ids) == len(sessions)
    for bot in bots:
        # Somebody else's that came between are heard as well.
        for session_id in range(min(ids), max(ids) + 1):
            assert await bot.hear_start_of(session_id)


async def test_starts_arrive_in_the_order_of_their_ids(
    target: Target, connected: Connect, host: Host
) -> None:
    bots = await asyncio.gather(*(connected(target.token("bot")) for _ in range(3)))

    sessions = await asyncio.gather(*(host.start() for _ in range(20)))

    for bot in bots:
        for session in sessions:
            await bot.hear_start_of(session["id"])
        # Delivery is at least once: what counts is when something was heard first.
        first_heard = list(dict.fromkeys(bot.started))
        assert first_heard == sorted(first_heard)


async def test_a_bot_that_subscribes_to_what_it_hears_is_confirmed(witness: Bot, host: Host) -> None:
    session = await host.start()
    event = json.loads(await witness.hear_start_of(session["id"]))

    answer = await witness.ask({"type": "subscribe", "sessionId": event["data"]["session"]["id"]})

    assert answer == {"type": "subscribed", "sessionId": session["id"]}

"""Resume: who comes back with a cursor misses nothing, on the stream of all starts and on a night's own.

Other people may be starting sessions on the target, so that the stream of starts is looked at from a cursor
of the test's own, and only as far as its own sessions. What happened before may still be on its way to those
who are there now; it has come to a connection once that has heard of something later.
"""

import asyncio
import json
from typing import Any

import pytest

from tests.clients import Bot, Connect, Host, Target
from tests.conformance.nights import (
    NOWHERE,
    cursors,
    end_of,
    end_of_starts,
    epoch,
    events_in,
    hear_to,
    last_of,
    sequence,
    stream_of,
    with_place,
)


@pytest.fixture
async def night(host: Host, night: Any) -> Any:
    """A night of four events, with the last of ``quiet_bot``: a start, a game, two votes."""
    await host.add_game(night["id"])
    await host.vote(night["id"], "zoe")
    return night


@pytest.fixture
async def quiet_bot(bot: Bot, host: Host, night: Any) -> Bot:
    """A bot that is not subscribed, and that nothing of the night or of its start is on its way to."""
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})
    counted = await host.vote(night["id"], "max")
    await bot.hear_start_of((await host.start())["id"])
    while counted not in [json.loads(text)["data"] for text in bot.heard]:
        await bot.listen()
    await bot.ask({"type": "unsubscribe", "sessionId": night["id"]})
    bot.heard.clear()
    return bot


async def resume(bot: Bot, session_id: int, since: str) -> Any:
    answer = await bot.ask({"type": "subscribe", "sessionId": session_id, "since": since})
    assert answer["type"] == "subscribed", answer
    return answer


@pytest.mark.parametrize(
    ("since", "place", "recovered"),
    [
        ("", 0, True),
        ("{night}:0", 0, True),
        ("{night}:1", 1, True),
        ("{night}:3", 3, True),
        ("{night}:4", 4, True),
        ("now", 4, True),
        (NOWHERE, 4, False),
        ("{other}:1", 4, False),
        ("{night}:5", 4, False),
    ],
)
async def test_a_subscription_goes_on_from_its_cursor(
    quiet_bot: Bot, host: Host, night: Any, since: str, place: int, *, recovered: bool
) -> None:
    own = epoch(await end_of(host, night["id"]))
    other = epoch(await end_of(host, (await host.start())["id"]))

    answer = await resume(quiet_bot, night["id"], since.format(night=own, other=other))
    await host.close(night["id"])

    assert answer == {
        "type": "subscribed",
        "sessionId": night["id"],
        "stream": stream_of(night["id"]),
        "sequence": place,
        "cursor": f"{own}:{place}",
        "last": 4,
        "recovered": recovered,
    }
    texts = await hear_to(quiet_bot, answer["cursor"], f"{own}:5")
    assert [json.loads(text) for text in texts] == (await host.polled(night["id"]))[place:]
    heard = dict.fromkeys(cursor for cursor in cursors(quiet_bot.heard) if epoch(cursor) == own)
    assert list(heard) == [f"{own}:{number}" for number in range(place + 1, 6)]


@pytest.mark.parametrize(
    ("since", "recovered"),
    [("before", True), ("now", True), ("nowhere", False), ("a night", False), ("beyond", False)],
)
async def test_auth_goes_on_from_its_cursor(
    target: Target, stranger: Bot, host: Host, since: str, *, recovered: bool
) -> None:
    before = await end_of_starts(host)
    past = [(await host.start(f"night {number}"))["id"] for number in range(3)]
    cursor = {
        "before": before,
        "now": "now",
        "nowhere": NOWHERE,
        "a night": await end_of(host, past[0]),
        "beyond": f"{epoch(before)}:{sequence(before) + 100_000}",
    }[since]

    answer = await stranger.ask({"type": "auth", "token": target.token("bot"), "since": cursor})
    later = (await host.start())["id"]

    place = answer["sequence"]
    assert answer.keys() == {
        *("type", "message", "sub", "role", "expiresAt"),
        *("stream", "sequence", "cursor", "last", "recovered"),
    }
    assert (answer["stream"], answer["recovered"]) == ("sessions", recovered)
    assert answer["cursor"] == f"{epoch(before)}:{place}"
    assert past[-1] <= answer["last"] < later
    assert place == (sequence(before) if since == "before" else answer["last"])
    texts = await hear_to(stranger, answer["cursor"], f"{epoch(before)}:{later}")
    started = [json.loads(text)["data"]["session"]["id"] for text in texts]
    assert started == list(range(place + 1, later + 1))
    if recovered:
        assert min(stranger.started) == place + 1


async def test_live_replayed_and_polled_events_are_the_same_bytes(
    target: Target, connected: Connect, host: Host
) -> None:
    session = await host.start("Friday 🎲")
    live, opted_in, later = [await connected(target.token("bot")) for _ in range(3)]
    await live.ask({"type": "subscribe", "sessionId": session["id"]})
    start = last_of(await resume(opted_in, session["id"], ""))

    await host.add_game(session["id"], "Bühne frei")
    await host.vote(session["id"], "Zoë", "down")
    await host.close(session["id"])

    end = await end_of(host, session["id"])
    await resume(later, session["id"], start)
    texts = await live.hear_in(session["id"], 3)
    stream = stream_of(session["id"])
    expected = [with_place(text, stream, f"{epoch(end)}:{number}") for number, text in enumerate(texts, 2)]
    assert await hear_to(opted_in, start, end) == expected
    assert await hear_to(later, start, end) == expected
    polled = await host.http.get(f"/api/sessions/{session['id']}/events", params={"since": start})
    assert events_in(polled.text) == ",".join(expected)


async def test_a_bad_cursor_is_refused_and_joins_nobody(target: Target, stranger: Bot, night: Any) -> None:
    auth = {"type": "auth", "token": target.token("bot")}
    for code, bad in [("invalid_cursor", "junk"), ("invalid_cursor", "a:-1"), ("invalid_frame", 5)]:
        refused = await stranger.ask({**auth, "since": bad})
        assert (refused["type"], refused["code"], refused["retryable"]) == ("error", code, False)
    subscribe = {"type": "subscribe", "sessionId": night["id"]}
    assert (await stranger.ask(subscribe))["code"] == "not_authenticated"

    await stranger.authenticate(target.token("bot"))

    assert (await stranger.ask({**subscribe, "since": "junk"}))["code"] == "invalid_cursor"


async def vote_until(enough: asyncio.Event, host: Host, subscriber: Bot, session_id: int) -> None:
    """Make one event after the other, each as soon as the one before was heard, and then the last one."""
    await subscriber.ask({"type": "subscribe", "sessionId": session_id})
    number = 0
    while not enough.is_set():
        number += 1
        counted = await host.vote(session_id, f"voter {number}")
        while not subscriber.heard or json.loads(subscriber.heard[-1])["data"] != counted:
            await subscriber.listen()
    await host.close(session_id)


async def test_a_client_of_four_lines_loses_nothing(target: Target, bot: Bot, host: Host, night: Any) -> None:
    """It does what the contract says that a client has to do, nothing more, and drops out again and again."""
    enough = asyncio.Event()
    voting = asyncio.create_task(vote_until(enough, host, bot, night["id"]))
    stream = stream_of(night["id"])
    places: dict[str, Any] = {}
    events: list[Any] = []

    async def follow(client: Bot) -> None:
        frame = await client.next_frame()
        place = places.get(frame.get("stream"))
        if "data" in frame and place and frame["sequence"] <= place["sequence"]:
            return
        if "stream" in frame:
            places[frame["stream"]] = frame
        if "data" in frame:
            events.append(frame)

    async def come_back(client: Bot) -> None:
        since = places[stream]["cursor"] if places else ""
        await client.send({"type": "subscribe", "sessionId": night["id"], "since": since})

    for visit in range(6):
        async with target.bot(target.token("bot")) as client:
            await come_back(client)
            for _ in range(2 + visit):
                await follow(client)
            client.socket.transport.abort()
    enough.set()
    await voting
    async with target.bot(target.token("bot")) as client:
        await come_back(client)
        while events[-1]["type"] != "session.ended":
            await follow(client)

    assert events == await host.polled(night["id"])

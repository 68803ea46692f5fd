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
    NO_SESSION,
    NOWHERE,
    along,
    cursors,
    end_of,
    end_of_starts,
    epoch,
    event,
    events_in,
    hear_to,
    last_of,
    sequence,
    stream_of,
    with_place,
)

PLACE = ["stream", "sequence", "cursor"]
JUNK = ["junk", ":", ":5", "5", "a:b", "a:-1", "x" * 5000]


@pytest.fixture
async def night(host: Host) -> Any:
    """A night of four events, as soon as somebody is ``settled`` in it: a start, a game, two votes."""
    session = await host.start("Friday 🎲")
    await host.add_game(session["id"])
    await host.vote(session["id"], "zoe")
    return session


@pytest.fixture
async def settled(target: Target, connected: Connect, host: Host, night: Any) -> Bot:
    """A bot that is not subscribed, and that nothing of the night or of its start is on its way to."""
    bot = await connected(target.token("bot"))
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})
    counted = await host.vote(night["id"], "max")
    later = await host.start()
    await bot.hear_start_of(later["id"])
    while counted not in [json.loads(text)["data"] for text in bot.heard]:
        await bot.listen()
    await bot.ask({"type": "unsubscribe", "sessionId": night["id"]})
    bot.heard.clear()
    return bot


async def resume(bot: Bot, session_id: int, since: str) -> Any:
    answer = await bot.ask({"type": "subscribe", "sessionId": session_id, "since": since})
    assert answer["type"] == "subscribed", answer
    return answer


async def authenticate(bot: Bot, token: str, since: str) -> Any:
    answer = await bot.ask({"type": "auth", "token": token, "since": since})
    assert answer["type"] == "auth_success", answer
    return answer


async def test_subscribing_from_the_beginning_replays_the_whole_night_oldest_first(
    settled: Bot, host: Host, night: Any
) -> None:

    answer = await resume(settled, night["id"], "")

    end = await end_of(host, night["id"])
    assert answer == {
        "type": "subscribed",
        "sessionId": night["id"],
        "stream": stream_of(night["id"]),
        "sequence": 0,
        "cursor": f"{epoch(end)}:0",
        "last": 4,
        "recovered": True,
    }
    texts = await hear_to(settled, "", end)
    assert cursors(settled.heard) == [f"{epoch(end)}:{number}" for number in (1, 2, 3, 4)]
    assert [json.loads(text) for text in texts] == await host.polled(night["id"])


async def test_live_replayed_and_polled_are_the_same_bytes_but_for_the_place(
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
    marked = [with_place(text, stream, f"{epoch(end)}:{number}") for number, text in enumerate(texts, 2)]
    assert await hear_to(opted_in, start, end) == marked
    assert await hear_to(later, start, end) == marked
    polled = await host.http.get(f"/api/sessions/{session['id']}/events", params={"since": start})
    assert events_in(polled.text) == ",".join(marked)


async def test_a_start_is_the_same_bytes_on_both_streams_but_for_the_place(
    target: Target, connected: Connect, host: Host
) -> None:
    plain, opted_in, later = await connected(target.token("bot")), await connected(), await connected()
    before = (await authenticate(opted_in, target.token("bot"), await end_of_starts(host)))["cursor"]
    session = await host.start("Friday 🎲")
    end = await end_of_starts(host)

    text = await plain.hear_start_of(session["id"])
    await authenticate(later, target.token("bot"), before)
    await resume(plain, session["id"], "")

    start = f"{epoch(end)}:{session['id']}"
    assert (await hear_to(opted_in, before, start))[-1] == with_place(text, "sessions", start)
    assert (await hear_to(later, before, start))[-1] == with_place(text, "sessions", start)
    own = await end_of(host, session["id"])
    assert await hear_to(plain, "", own) == [with_place(text, stream_of(session["id"]), own)]
    assert text == event("session.started", json.loads(text)["timestamp"], {"session": session})


async def test_authenticating_with_a_cursor_replays_the_starts_that_were_missed_oldest_first(
    target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    before = await end_of_starts(host)
    sessions = [await host.start(f"night {number}") for number in range(3)]
    await bot.hear_start_of(sessions[-1]["id"])
    bot.heard.clear()

    answer = await authenticate(bot, target.token("bot"), before)

    assert answer.keys() == {"type", "message", "sub", "role", "expiresAt", *PLACE, "last", "recovered"}
    assert (answer["stream"], answer["cursor"], answer["recovered"]) == ("sessions", before, True)
    assert answer["sequence"] == sequence(before)
    assert answer["last"] >= sessions[-1]["id"]
    await hear_to(bot, before, last_of(answer))
    missed = range(sequence(before) + 1, sessions[-1]["id"] + 1)
    assert [place for place in along(bot, epoch(before)) if place in missed] == list(missed)
    assert {session["id"] for session in sessions} <= set(bot.started)
    for text in bot.heard:
        assert json.loads(text)["data"]["session"]["id"] == sequence(json.loads(text)["cursor"])


async def test_authenticating_from_the_beginning_replays_from_the_first_start(
    target: Target, connected: Connect, host: Host
) -> None:
    await host.start()
    bot = await connected()

    answer = await authenticate(bot, target.token("bot"), "")

    # A target may be older than its log: then polling says so too.
    first = await host.read("/api/sessions/1/events", since="")
    assert answer["recovered"] is first["recovered"]
    if answer["recovered"]:
        (first_start,) = await hear_to(bot, "", f"{epoch(answer['cursor'])}:1")
        assert json.loads(first_start)["data"]["session"]["id"] == 1
    # The rest may be long, and a client that does not read it could not say goodbye.
    bot.socket.transport.abort()


@pytest.mark.parametrize("frame_id", [7, "again"])
async def test_an_answer_that_resumes_carries_the_id_as_well(
    target: Target, connected: Connect, host: Host, night: Any, frame_id: str | int
) -> None:
    bot = await connected()
    since = await end_of_starts(host)

    answers = [
        await bot.ask({"type": "auth", "token": target.token("bot"), "since": since, "id": frame_id}),
        await bot.ask({"type": "subscribe", "sessionId": night["id"], "since": "", "id": frame_id}),
    ]

    assert [(answer["type"], answer["id"]) for answer in answers] == [
        ("auth_success", frame_id),
        ("subscribed", frame_id),
    ]


async def test_who_has_missed_nothing_is_sent_nothing_but_what_happens_next(
    settled: Bot, host: Host, night: Any
) -> None:
    end = await end_of(host, night["id"])

    answer = await resume(settled, night["id"], end)
    await host.close(night["id"])

    assert (answer["cursor"], last_of(answer), answer["recovered"]) == (end, end, True)
    last = f"{epoch(end)}:{sequence(end) + 1}"
    await hear_to(settled, end, last)
    assert set(cursors(settled.heard)) == {last}


@pytest.mark.parametrize("place", [1, 2, 3])
async def test_a_replay_begins_right_after_the_cursor(
    settled: Bot, host: Host, night: Any, place: int
) -> None:
    end = await end_of(host, night["id"])
    since = f"{epoch(end)}:{place}"

    await resume(settled, night["id"], since)

    await hear_to(settled, since, end)
    assert [sequence(cursor) for cursor in cursors(settled.heard)] == list(range(place + 1, 5))


async def test_a_night_that_has_ended_is_replayed_like_any_other(
    settled: Bot, host: Host, night: Any
) -> None:
    await host.close(night["id"])

    answer = await resume(settled, night["id"], "")

    texts = await hear_to(settled, "", last_of(answer))
    assert [json.loads(text)["type"] for text in texts] == [
        *("session.started", "game.added", "vote.received", "vote.received", "session.ended")
    ]


@pytest.mark.parametrize("lost", ["nowhere", "another night", "beyond the end"])
async def test_a_cursor_that_is_lost_on_a_night_is_not_recovered_and_the_answers_goes_on_from_there(
    settled: Bot, host: Host, night: Any, lost: str
) -> None:
    end = await end_of(host, night["id"])
    since = {
        "nowhere": NOWHERE,
        "another night": await end_of(host, (await host.start())["id"]),
        "beyond the end": f"{epoch(end)}:{sequence(end) + 1}",
    }[lost]

    answer = await resume(settled, night["id"], since)
    await host.close(night["id"])

    assert (answer["cursor"], last_of(answer), answer["recovered"]) == (end, end, False)
    last = f"{epoch(end)}:{sequence(end) + 1}"
    await hear_to(settled, end, last)
    assert set(cursors(settled.heard)) == {last}


@pytest.mark.parametrize("lost", ["nowhere", "a night", "beyond the end"])
async def test_a_cursor_that_is_lost_on_the_starts_is_not_recovered_and_the_answers_goes_on_from_there(
    target: Target, connected: Connect, host: Host, lost: str
) -> None:
    bot = await connected()
    past = await host.start()
    end = await end_of_starts(host)
    since = {
        "nowhere": NOWHERE,
        "a night": await end_of(host, past["id"]),
        "beyond the end": f"{epoch(end)}:{sequence(end) + 100_000}",
    }[lost]

    answer = await authenticate(bot, target.token("bot"), since)
    session = await host.start()

    assert answer["recovered"] is False
    assert epoch(answer["cursor"]) == epoch(end)
    assert past["id"] <= sequence(answer["cursor"]) < session["id"]
    await hear_to(bot, answer["cursor"], f"{epoch(end)}:{session['id']}")


@pytest.mark.parametrize("junk", JUNK)
async def test_what_is_no_cursor_is_refused_and_changes_nothing(
    target: Target, connected: Connect, host: Host, night: Any, junk: str
) -> None:
    bot, witness = await connected(target.token("bot")), await connected(target.token("bot"))
    await witness.ask({"type": "subscribe", "sessionId": night["id"]})

    refused = await bot.ask({"type": "subscribe", "sessionId": night["id"], "since": junk})
    await host.close(night["id"])
    await witness.hear_in(night["id"], 1)
    later = await host.start()
    await bot.hear_start_of(later["id"])

    assert (refused["type"], refused["code"], refused["retryable"]) == ("error", "invalid_cursor", False)
    assert (await bot.ask({"type": "ping"}))["type"] == "pong"
    assert bot.in_session(night["id"]) == []


async def test_what_is_no_cursor_is_no_failed_authentication_however_often(
    target: Target, connected: Connect
) -> None:
    bot = await connected()

    for junk in JUNK:
        refused = await bot.ask({"type": "auth", "token": target.token("bot"), "since": junk})
        assert (refused["type"], refused["code"]) == ("error", "invalid_cursor")

    unknown = await bot.ask({"type": "subscribe", "sessionId": 1})
    assert unknown["code"] == "not_authenticated"
    assert await bot.authenticate(target.token("bot"))


@pytest.mark.parametrize("since", [None, 5, True, {}, []])
async def test_a_cursor_is_a_text(target: Target, connected: Connect, night: Any, since: object) -> None:
    bot = await connected(target.token("bot"))

    refused = [
        await bot.ask({"type": "subscribe", "sessionId": night["id"], "since": since}),
        await bot.ask({"type": "auth", "token": target.token("bot"), "since": since}),
    ]

    assert [answer["code"] for answer in refused] == ["invalid_frame"] * 2


async def test_opting_in_on_a_night_is_for_that_night_alone(
    target: Target, connected: Connect, host: Host, night: Any
) -> None:
    bot, other = await connected(target.token("bot")), await host.start()
    end = (await resume(bot, night["id"], await end_of(host, night["id"])))["cursor"]
    await bot.ask({"type": "subscribe", "sessionId": other["id"]})

    await host.close(night["id"])
    await host.close(other["id"])
    later = await host.start()

    await hear_to(bot, end, f"{epoch(end)}:{sequence(end) + 1}")
    assert cursors(await bot.hear_in(other["id"], 1)) == []
    assert cursors([await bot.hear_start_of(later["id"])]) == []


async def test_opting_in_on_the_starts_is_for_the_starts_alone(
    target: Target, connected: Connect, host: Host, night: Any
) -> None:
    bot = await connected()
    await authenticate(bot, target.token("bot"), await end_of_starts(host))
    subscribed = await bot.ask({"type": "subscribe", "sessionId": night["id"]})

    await host.close(night["id"])
    later = await host.start()

    assert subscribed == {"type": "subscribed", "sessionId": night["id"]}
    assert cursors(await bot.hear_in(night["id"], 1)) == []
    assert cursors([await bot.hear_start_of(later["id"])])


async def test_asking_again_without_a_cursor_changes_nothing(
    target: Target, connected: Connect, host: Host, night: Any
) -> None:
    bot = await connected()
    await authenticate(bot, target.token("bot"), await end_of_starts(host))
    end = (await resume(bot, night["id"], await end_of(host, night["id"])))["cursor"]

    again = await bot.authenticate(target.token("bot"))
    subscribed = await bot.ask({"type": "subscribe", "sessionId": night["id"]})
    await host.close(night["id"])
    later = await host.start()

    assert again.keys() == {"type", "message", "sub", "role", "expiresAt"}
    assert subscribed == {"type": "subscribed", "sessionId": night["id"]}
    await hear_to(bot, end, f"{epoch(end)}:{sequence(end) + 1}")
    assert cursors([await bot.hear_start_of(later["id"])])


async def test_who_unsubscribes_and_subscribes_anew_has_not_opted_in(
    settled: Bot, host: Host, night: Any
) -> None:
    await resume(settled, night["id"], await end_of(host, night["id"]))
    for frame_type in ("unsubscribe", "subscribe"):
        await settled.ask({"type": frame_type, "sessionId": night["id"]})

    await host.close(night["id"])

    assert cursors(await settled.hear_in(night["id"], 1)) == []


async def test_a_night_that_does_not_exist_cannot_be_resumed(target: Target, connected: Connect) -> None:
    bot = await connected(target.token("bot"))

    answer = await bot.ask({"type": "subscribe", "sessionId": NO_SESSION, "since": ""})

    assert (answer["type"], answer["code"]) == ("error", "session_not_found")


async def vote_until(enough: asyncio.Event, host: Host, witness: Bot, session_id: int) -> None:
    """Make one event after the other, each as soon as the one before was heard, and then the last one."""
    await witness.ask({"type": "subscribe", "sessionId": session_id})
    number = 0
    while not enough.is_set():
        number += 1
        counted = await host.vote(session_id, f"voter {number}")
        while not witness.heard or json.loads(witness.heard[-1])["data"] != counted:
            await witness.listen()
    await host.close(session_id)


async def test_who_joins_while_events_keep_coming_has_them_all_without_a_hole(
    target: Target, connected: Connect, host: Host, night: Any
) -> None:
    witness = await connected(target.token("bot"))

    async def join() -> Bot:
        bot = await connected(target.token("bot"))
        answer = await resume(bot, night["id"], "")
        assert answer["recovered"] is True
        await hear_to(bot, "", f"{epoch(answer['cursor'])}:{answer['last'] + 1}")
        return bot

    enough = asyncio.Event()
    voting = asyncio.create_task(vote_until(enough, host, witness, night["id"]))
    bots = [await join() for _ in range(5)]
    enough.set()
    await voting

    end = await end_of(host, night["id"])
    polled = await host.polled(night["id"])
    for bot in bots:
        assert [json.loads(text) for text in await hear_to(bot, "", end)] == polled


async def test_a_client_of_four_lines_that_drops_out_again_and_again_loses_nothing(
    target: Target, connected: Connect, host: Host, night: Any
) -> None:
    voter = await connected(target.token("bot"))
    enough = asyncio.Event()
    voting = asyncio.create_task(vote_until(enough, host, voter, night["id"]))
    places: dict[str, Any] = {}
    had: list[Any] = []

    async def follow(bot: Bot) -> None:
        """Do what the contract says that a client has to do, and nothing more."""
        frame = await bot.next_frame()
        place = places.get(frame.get("stream"))
        if "data" in frame and place and frame["sequence"] <= place["sequence"]:
            return
        if "stream" in frame:
            places[frame["stream"]] = frame
        if "data" in frame:
            had.append(frame)

    for visit in range(6):
        async with target.bot(target.token("bot")) as bot:
            since = places[stream_of(night["id"])]["cursor"] if places else ""
            await bot.send({"type": "subscribe", "sessionId": night["id"], "since": since})
            for _ in range(2 + visit):
                await follow(bot)
            bot.socket.transport.abort()
    enough.set()
    await voting
    async with target.bot(target.token("bot")) as bot:
        since = places[stream_of(night["id"])]["cursor"]
        await bot.send({"type": "subscribe", "sessionId": night["id"], "since": since})
        while had[-1]["type"] != "session.ended":
            await follow(bot)

    assert had == await host.polled(night["id"])


async def test_from_now_on_is_from_the_end_on(settled: Bot, host: Host, night: Any) -> None:
    end = await end_of(host, night["id"])

    answer = await resume(settled, night["id"], "now")
    await host.close(night["id"])

    assert (answer["cursor"], last_of(answer), answer["recovered"]) == (end, end, True)
    last = f"{epoch(end)}:{sequence(end) + 1}"
    await hear_to(settled, end, last)
    assert cursors(settled.heard) == [last]


async def test_from_now_on_is_from_the_newest_start_on(
    target: Target, connected: Connect, host: Host
) -> None:
    bot, past = await connected(), await host.start()

    answer = await authenticate(bot, target.token("bot"), "now")
    session = await host.start()

    assert (answer["stream"], answer["recovered"]) == ("sessions", True)
    assert past["id"] <= answer["sequence"] == answer["last"] < session["id"]
    await hear_to(bot, answer["cursor"], f"{epoch(answer['cursor'])}:{session['id']}")
    assert past["id"] not in bot.started

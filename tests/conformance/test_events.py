"""``game.added``, ``vote.received`` and ``session.ended``: to whom they go, and what they get.

That something was not sent is shown by something later that was, as in ``test_delivery``.
"""

import json
from typing import Any

import pytest

from tests.clients import Bot, Connect, Host, Target
from tests.conformance.nights import epoch, event, events_in, stream_of, with_place, without_place


@pytest.fixture
async def night(host: Host) -> Any:
    return await host.start("Friday")


@pytest.fixture
async def subscriber(target: Target, connected: Connect, night: Any) -> Bot:
    bot = await connected(target.token("bot"))
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})
    return bot


async def later_start_is_heard(host: Host, bots: list[Bot]) -> None:
    """Start a session and wait until all have heard of it: what was to come before has come."""
    later = await host.start()
    for bot in bots:
        await bot.hear_start_of(later["id"])
        assert (await bot.ask({"type": "ping"}))["type"] == "pong"


async def a_whole_night(host: Host, session_id: int) -> None:
    """Make one event of each kind that subscribers hear."""
    await host.add_game(session_id)
    await host.vote(session_id, "zoe")
    await host.close(session_id)


async def test_a_game_is_announced_as_the_contract_shows_it_to_the_byte(
    subscriber: Bot, host: Host, night: Any
) -> None:
    game = await host.add_game(
        night["id"], "Quiplash 🎲", pack_name="Party Pack 2", min_players=3, max_players=8
    )

    (text,) = await subscriber.hear_in(night["id"], 1)

    session = {"id": night["id"], "is_active": 1, "games_played": 1}
    shown = {name: game[name] for name in ("id", "title", "pack_name", "min_players", "max_players")}
    timestamp = json.loads(text)["timestamp"]
    assert text == event("game.added", timestamp, {"session": session, "game": shown})
    assert "Quiplash 🎲" in text
    assert timestamp >= night["created_at"]


async def test_what_was_not_said_of_a_game_is_announced_as_null(
    subscriber: Bot, host: Host, night: Any
) -> None:
    await host.add_game(night["id"], "Quiplash")

    (text,) = await subscriber.hear_in(night["id"], 1)

    game = {"id": 1, "title": "Quiplash", "pack_name": None, "min_players": None, "max_players": None}
    assert json.loads(text)["data"]["game"] == game


async def test_a_vote_is_announced_as_the_contract_shows_it_to_the_byte(
    subscriber: Bot, host: Host, night: Any
) -> None:
    await host.add_game(night["id"], "Quiplash")

    counted = await host.vote(night["id"], "Zoë", "down")

    _, text = await subscriber.hear_in(night["id"], 2)
    timestamp = json.loads(text)["timestamp"]
    data = {
        "session": {"id": night["id"]},
        "game": {"id": 1, "title": "Quiplash"},
        "vote": {"username": "Zoë", "type": "down", "timestamp": counted["vote"]["timestamp"]},
        "totals": {"upvotes": 0, "downvotes": 1, "score": -1},
    }
    assert text == event("vote.received", timestamp, data)


async def test_the_end_is_announced_as_the_contract_shows_it_to_the_byte(
    subscriber: Bot, host: Host, night: Any
) -> None:
    await host.add_game(night["id"])
    ended = await host.close(night["id"])

    _, text = await subscriber.hear_in(night["id"], 2)

    session = {
        "id": night["id"],
        "is_active": 0,
        "created_at": night["created_at"],
        "ended_at": ended["ended_at"],
        "notes": "Friday",
        "games_played": 1,
    }
    assert text == event("session.ended", json.loads(text)["timestamp"], {"session": session})


async def test_a_vote_that_changes_nothing_is_announced_all_the_same(
    subscriber: Bot, host: Host, night: Any
) -> None:
    await host.add_game(night["id"])
    for _ in range(2):
        await host.vote(night["id"], "zoe", "up")
    await host.vote(night["id"], "max", "up")

    texts = await subscriber.hear_in(night["id"], 4)

    upvotes = [json.loads(text)["data"]["totals"]["upvotes"] for text in texts[1:]]
    assert upvotes == [1, 1, 2]


async def test_events_are_heard_in_the_order_in_which_they_happened(
    subscriber: Bot, host: Host, night: Any
) -> None:
    for title in ("Quiplash", "Fibbage"):
        await host.add_game(night["id"], title)
        for username in ("zoe", "max", "kim"):
            await host.vote(night["id"], username)
    await host.close(night["id"])

    texts = await subscriber.hear_in(night["id"], 9)

    heard = [json.loads(text) for text in texts]
    assert [one["type"] for one in heard] == [
        *(["game.added", *["vote.received"] * 3] * 2),
        "session.ended",
    ]
    assert [one["data"]["vote"]["username"] for one in heard if "vote" in one["data"]] == [
        *("zoe", "max", "kim") * 2
    ]
    assert heard == [without_place(one) for one in (await host.polled(night["id"]))[1:]]


async def test_only_subscribers_hear_what_happens_in_a_night(
    target: Target, connected: Connect, subscriber: Bot, host: Host, night: Any
) -> None:
    elsewhere, nowhere = await connected(target.token("bot")), await connected(target.token("admin"))
    other = await host.start()
    await elsewhere.ask({"type": "subscribe", "sessionId": other["id"]})

    await a_whole_night(host, night["id"])

    assert len(await subscriber.hear_in(night["id"], 3)) == 3
    await later_start_is_heard(host, [elsewhere, nowhere])
    for bot in (elsewhere, nowhere):
        assert bot.in_session(night["id"]) == []


async def test_who_has_only_connected_hears_nothing(
    connected: Connect, subscriber: Bot, host: Host, night: Any
) -> None:
    silent = await connected()
    await silent.ask({"type": "subscribe", "sessionId": night["id"]})

    await a_whole_night(host, night["id"])

    await subscriber.hear_in(night["id"], 3)
    await later_start_is_heard(host, [subscriber])
    assert (await silent.ask({"type": "ping"}))["type"] == "pong"
    assert silent.heard == []


async def test_who_has_unsubscribed_hears_no_more_but_the_starts(
    target: Target, connected: Connect, subscriber: Bot, host: Host, night: Any
) -> None:
    bot = await connected(target.token("bot"))
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})
    await host.add_game(night["id"])
    await bot.hear_in(night["id"], 1)

    await bot.ask({"type": "unsubscribe", "sessionId": night["id"]})
    await host.vote(night["id"], "zoe")

    await subscriber.hear_in(night["id"], 2)
    await later_start_is_heard(host, [bot])
    assert len(bot.in_session(night["id"])) == 1


async def test_who_has_subscribed_twice_unsubscribes_once(
    target: Target, connected: Connect, subscriber: Bot, host: Host, night: Any
) -> None:
    bot = await connected(target.token("bot"))
    for frame_type in ("subscribe", "subscribe", "unsubscribe"):
        await bot.ask({"type": frame_type, "sessionId": night["id"]})

    await host.add_game(night["id"])

    await subscriber.hear_in(night["id"], 1)
    await later_start_is_heard(host, [bot])
    assert bot.in_session(night["id"]) == []


async def test_a_subscriber_of_several_nights_hears_each(subscriber: Bot, host: Host, night: Any) -> None:
    other = await host.start()
    await subscriber.ask({"type": "subscribe", "sessionId": other["id"]})

    for session in (night, other):
        await a_whole_night(host, session["id"])

    for session in (night, other):
        texts = await subscriber.hear_in(session["id"], 3)
        assert [json.loads(text)["type"] for text in texts] == [
            "game.added",
            "vote.received",
            "session.ended",
        ]


async def test_a_refreshed_token_keeps_the_subscriptions(
    target: Target, connected: Connect, host: Host, night: Any
) -> None:
    bot = await connected(target.token("bot", "kosmi"))
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})

    await bot.authenticate(target.token("bot", "kosmi", 7200))
    await host.add_game(night["id"])

    assert len(await bot.hear_in(night["id"], 1)) == 1


async def test_somebody_elses_token_is_refused_and_the_subscriptions_stay(
    target: Target, connected: Connect, host: Host, night: Any
) -> None:
    bot = await connected(target.token("bot", "kosmi"))
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})

    refused = await bot.ask({"type": "auth", "token": target.token("bot", "discord")})
    await host.add_game(night["id"])

    assert (refused["type"], refused["code"]) == ("auth_error", "subject_mismatch")
    assert len(await bot.hear_in(night["id"], 1)) == 1


async def test_who_has_never_asked_to_resume_never_sees_a_place(
    subscriber: Bot, host: Host, night: Any
) -> None:
    await a_whole_night(host, night["id"])
    await subscriber.hear_in(night["id"], 3)
    await later_start_is_heard(host, [subscriber])

    for text in subscriber.heard:
        assert json.loads(text).keys() == {"type", "timestamp", "data"}


async def test_a_night_is_polled_as_it_was_heard_with_each_place(
    subscriber: Bot, host: Host, night: Any
) -> None:
    await a_whole_night(host, night["id"])
    texts = await subscriber.hear_in(night["id"], 3)

    answer = await host.http.get(f"/api/sessions/{night['id']}/events")

    page = answer.json()
    start = event("session.started", page["events"][0]["timestamp"], {"session": night})
    own = epoch(page["cursor"])
    places = [
        with_place(text, stream_of(night["id"]), f"{own}:{number}")
        for number, text in enumerate([start, *texts], 1)
    ]
    assert events_in(answer.text) == ",".join(places)
    assert list(page) == ["events", "cursor", "recovered", "more"]
    assert (page["recovered"], page["more"]) == (True, False)

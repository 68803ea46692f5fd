"""``game.added``, ``vote.received`` and ``session.ended``: to whom they go, and what they get.

That something was not sent is shown by something later that was, as in ``test_delivery``.
"""

import json
from typing import Any

from tests.clients import Bot, Connect, Host, Target
from tests.conformance.nights import event

EACH_ONCE = ["game.added", "vote.received", "session.ended"]


async def play(host: Host, session_id: int) -> None:
    """Make one event of each kind that subscribers hear."""
    await host.add_game(session_id)
    await host.vote(session_id, "zoe")
    await host.close(session_id)


async def test_subscribers_hear_the_contracts_bytes_in_order(bot: Bot, host: Host, night: Any) -> None:
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})

    whole = await host.add_game(night["id"], "Bühne 🎲", pack_name="Pack", min_players=3, max_players=8)
    plain = await host.add_game(night["id"], "Quiplash")
    counted = await host.vote(night["id"], "Zoë", "down")
    ended = await host.close(night["id"])

    texts = await bot.hear_in(night["id"], 4)
    nothing = {"pack_name": None, "min_players": None, "max_players": None}
    session = {"id": night["id"], "is_active": 1}
    expected: list[tuple[str, object]] = [
        ("game.added", {"session": {**session, "games_played": 1}, "game": whole}),
        (
            "game.added",
            {"session": {**session, "games_played": 2}, "game": {"id": 2, "title": "Quiplash", **nothing}},
        ),
        (
            "vote.received",
            {
                "session": {"id": night["id"]},
                "game": {"id": 2, "title": "Quiplash"},
                "vote": {"username": "Zoë", "type": "down", "timestamp": counted["vote"]["timestamp"]},
                "totals": {"upvotes": 0, "downvotes": 1, "score": -1},
            },
        ),
        ("session.ended", {"session": ended}),
    ]
    assert plain == {"id": 2, "title": "Quiplash", **nothing}
    timestamps = [json.loads(text)["timestamp"] for text in texts]
    assert texts == [event(kind, at, data) for at, (kind, data) in zip(timestamps, expected, strict=True)]
    assert timestamps == sorted(timestamps)
    assert timestamps[0] >= night["created_at"]


async def test_a_vote_that_changes_nothing_is_announced_too(bot: Bot, host: Host, night: Any) -> None:
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})
    await host.add_game(night["id"])

    for username in ("zoe", "zoe", "max"):
        await host.vote(night["id"], username)

    _, *votes = await bot.hear_in(night["id"], 4)
    assert [json.loads(text)["data"]["totals"]["upvotes"] for text in votes] == [1, 1, 2]


async def test_only_subscribers_hear_what_happens_in_a_night(
    target: Target, connected: Connect, stranger: Bot, host: Host, night: Any
) -> None:
    other = await host.start()
    both, elsewhere, nowhere, left = [await connected(target.token("bot")) for _ in range(4)]
    for bot, frame_type, session_id in (
        (both, "subscribe", night["id"]),
        (both, "subscribe", other["id"]),
        (elsewhere, "subscribe", other["id"]),
        (stranger, "subscribe", night["id"]),
        (left, "subscribe", night["id"]),
        (left, "subscribe", night["id"]),
        (left, "unsubscribe", night["id"]),
    ):
        await bot.ask({"type": frame_type, "sessionId": session_id})

    for session in (night, other):
        await play(host, session["id"])
    later = await host.start()

    for session in (night, other):
        heard = await both.hear_in(session["id"], 3)
        assert [json.loads(text)["type"] for text in heard] == EACH_ONCE
    for bot in (elsewhere, nowhere, left):
        await bot.hear_start_of(later["id"])
        assert (await bot.ask({"type": "ping"}))["type"] == "pong"
        assert bot.in_session(night["id"]) == []
    assert (await stranger.ask({"type": "ping"}))["type"] == "pong"
    assert stranger.heard == []

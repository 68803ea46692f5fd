"""``DELETE`` of a game and of a vote: it no longer counts, and who follows the night hears of it."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.clients import Bot, Host
from tests.conformance.nights import event, without_place
from tests.conformance.problems import problem

VOTERS = 20
NONE = {"upvotes": 0, "downvotes": 0, "score": 0}


async def remove(host: Host, night: Any, game_id: object) -> httpx.Response:
    return await host.http.delete(f"/api/sessions/{night['id']}/games/{game_id}")


async def withdraw(host: Host, night: Any, game_id: object = 1, **query: str) -> httpx.Response:
    return await host.http.delete(f"/api/sessions/{night['id']}/votes/{game_id}", params=query)


async def heard_last(bot: Bot, host: Host, night: Any) -> tuple[str, str]:
    """Return the text of a night's newest event, once a subscriber has heard it, and its timestamp."""
    *_, newest = await host.polled(night["id"])
    while not bot.heard or json.loads(bot.heard[-1]) != without_place(newest):
        await bot.listen()
    return bot.heard[-1], newest["timestamp"]


async def test_a_removed_game_is_a_game_no_more(bot: Bot, host: Host, night: Any) -> None:
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})
    for title in ("Quiplash", "Fibage 🎲"):
        await host.add_game(night["id"], title)
    await host.vote(night["id"], "zoe")

    answer = await remove(host, night, 2)

    assert (answer.status_code, answer.json()) == (200, {**night, "ended_at": None, "games_played": 1})
    heard, timestamp = await heard_last(bot, host, night)
    session = {"id": night["id"], "is_active": 1, "games_played": 1}
    data = {"session": session, "game": {"id": 2, "title": "Fibage 🎲"}}
    assert heard == event("game.removed", timestamp, data)
    assert [one["id"] for one in (await host.read(f"/api/sessions/{night['id']}"))["games"]] == [1]
    vote = {"username": "zoe", "type": "up", "game_id": 2}
    problem(await host.send(f"/api/sessions/{night['id']}/votes", vote), 404, "game_not_found")
    assert (await host.vote(night["id"], "zoe"))["game"] == {"id": 1, "title": "Quiplash"}
    assert (await host.add_game(night["id"], "Fibbage"))["id"] == 3
    assert (await host.close(night["id"]))["games_played"] == 2


@pytest.mark.usefixtures("game")
async def test_a_withdrawn_vote_counts_no_more(bot: Bot, host: Host, night: Any) -> None:
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})
    await host.vote(night["id"], "max", "down")
    cast = await host.vote(night["id"], "Zoë & co +1")

    answer = await withdraw(host, night, username=" zoe\u0308 & CO +1")

    totals = {"upvotes": 0, "downvotes": 1, "score": -1}
    assert (answer.status_code, answer.json()) == (200, totals)
    heard, timestamp = await heard_last(bot, host, night)
    vote = {"username": "Zoë & co +1", "timestamp": cast["vote"]["timestamp"]}
    data = {"session": cast["session"], "game": cast["game"], "vote": vote, "totals": totals}
    assert heard == event("vote.withdrawn", timestamp, data)
    assert (await host.vote(night["id"], "Zoë & co +1"))["totals"] == {**NONE, "upvotes": 1, "downvotes": 1}


@pytest.mark.usefixtures("game")
async def test_what_cannot_be_undone_is_told_why(host: Host, night: Any) -> None:
    await host.vote(night["id"], "zoe")
    await host.add_game(night["id"], "Fibbage")
    await remove(host, night, 2)
    before = await host.polled(night["id"])

    for game_id in (2, 3, 2**53, "x"):
        problem(await remove(host, night, game_id), 404, "game_not_found")
        problem(await withdraw(host, night, game_id, username="zoe"), 404, "game_not_found")
    problem(await withdraw(host, night, username="max"), 404, "vote_not_found")
    for query in ({}, {"username": ""}, {"username": "x" * 81}, {"username": "zoe", "game": "1"}):
        problem(await withdraw(host, night, **query), 400, "invalid_request")
    nowhere = {"id": 2**53}
    problem(await remove(host, nowhere, 1), 404, "session_not_found")
    problem(await withdraw(host, nowhere, username="zoe"), 404, "session_not_found")
    assert await host.polled(night["id"]) == before
    await host.close(night["id"])
    problem(await remove(host, night, 1), 409, "session_closed")
    problem(await withdraw(host, night, username="zoe"), 409, "session_closed")


@pytest.mark.usefixtures("game")
async def test_a_crowd_that_withdraws_twice_withdraws_once(host: Host, night: Any) -> None:
    names = [f"voter {number}" for number in range(VOTERS)]
    await asyncio.gather(*(host.cast(night["id"], name) for name in names))

    answers = await asyncio.gather(*(withdraw(host, night, username=name) for name in names * 2))

    assert sorted(answer.status_code for answer in answers) == [200] * VOTERS + [404] * VOTERS
    events = await host.polled(night["id"])
    withdrawn = [one["data"] for one in events if one["type"] == "vote.withdrawn"]
    assert sorted(one["vote"]["username"] for one in withdrawn) == sorted(names)
    assert [one["totals"]["upvotes"] for one in withdrawn] == [*reversed(range(VOTERS))]
    assert withdrawn[-1]["totals"] == NONE

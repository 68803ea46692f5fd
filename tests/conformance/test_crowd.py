"""Fifty voters at once on one session, who then change their minds: none is lost, none counts twice.

One night is made for all tests of this file. It has more events than a page of a replay holds.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.clients import Bot, Host, Target
from tests.conformance.nights import epoch, hear_to, last_of, without_place

VOTERS = 50
EVENTS = 2 + 2 * VOTERS + 1


@dataclass(frozen=True)
class Crowd:
    """A night in which everyone has voted twice, what each was answered, and what a subscriber heard."""

    session_id: int
    answers: list[Any]
    heard: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(target: Target) -> Crowd:
    async with target.host(target.token("admin")) as host, target.bot(target.token("bot")) as subscriber:
        session_id = (await host.start())["id"]
        await subscriber.ask({"type": "subscribe", "sessionId": session_id})
        await host.add_game(session_id)
        answers = []
        for way in ("up", "down"):
            votes = (host.vote(session_id, f"voter {number}", way) for number in range(VOTERS))
            answers += await asyncio.gather(*votes)
        await host.close(session_id)
        return Crowd(session_id, answers, await subscriber.hear_in(session_id, EVENTS - 1))


async def test_every_vote_is_counted_once_as_answered(host: Host, crowd: Crowd) -> None:
    polled = await host.polled(crowd.session_id)

    votes = [event["data"] for event in polled if event["type"] == "vote.received"]
    voters = Counter(vote["vote"]["username"] for vote in votes)
    assert voters == {f"voter {number}": 2 for number in range(VOTERS)}
    assert len(polled) == EVENTS
    by_vote = {json.dumps(one["vote"]): one for one in votes}
    for answer in crowd.answers:
        counted = by_vote.pop(json.dumps(answer["vote"]))
        assert {**counted, **answer} == counted


async def test_each_event_shows_the_tallies_after_it(host: Host, crowd: Crowd) -> None:
    ways: dict[str, str] = {}

    for event in await host.polled(crowd.session_id):
        if event["type"] == "vote.received":
            vote = event["data"]["vote"]
            ways[vote["username"]] = vote["type"]
            up, down = (list(ways.values()).count(way) for way in ("up", "down"))
            assert event["data"]["totals"] == {"upvotes": up, "downvotes": down, "score": up - down}

    (game,) = (await host.read(f"/api/sessions/{crowd.session_id}"))["games"]
    assert game["totals"] == {"upvotes": 0, "downvotes": VOTERS, "score": -VOTERS}


async def test_subscribers_heard_votes_in_the_logs_order(host: Host, crowd: Crowd) -> None:
    polled = await host.polled(crowd.session_id)

    assert [json.loads(text) for text in crowd.heard] == [without_place(event) for event in polled[1:]]


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_long_night_is_replayed_whole(bot: Bot, host: Host, crowd: Crowd, place: int) -> None:
    polled = await host.polled(crowd.session_id)
    stream = epoch(polled[-1]["cursor"])
    since = f"{stream}:{place}" if place else ""

    answer = await bot.ask({"type": "subscribe", "sessionId": crowd.session_id, "since": since})

    assert (answer["cursor"], answer["last"], answer["recovered"]) == (f"{stream}:{place}", EVENTS, True)
    assert [json.loads(text) for text in await hear_to(bot, since, last_of(answer))] == polled[place:]

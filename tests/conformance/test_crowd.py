"""Fifty voters at once on one session, who then change their minds: none is lost, none counts twice.

The night has more events than a page of a replay holds.
"""

import asyncio
import json
from collections import Counter
from typing import Any

from tests.clients import Bot, Host, Target
from tests.conformance.nights import hear_to, last_of, without_place

VOTERS = 50
EVENTS = 2 + 2 * VOTERS + 1


async def test_every_vote_of_a_crowd_counts_once(target: Target, bot: Bot, host: Host, night: Any) -> None:
    session_id = night["id"]
    await bot.ask({"type": "subscribe", "sessionId": session_id})
    await host.add_game(session_id)

    answers = []
    for way in ("up", "down"):
        votes = (host.cast(session_id, f"voter {number}", way) for number in range(VOTERS))
        answers += await asyncio.gather(*votes)
    await host.close(session_id)

    polled = await host.polled(session_id)
    assert len(polled) == EVENTS
    counted = [event["data"] for event in polled if event["type"] == "vote.received"]
    assert Counter(one["vote"]["username"] for one in counted) == {f"voter {n}": 2 for n in range(VOTERS)}
    by_vote = {json.dumps(one["vote"]): one for one in counted}
    assert all(
        {**by_vote[json.dumps(one["vote"])], **one} == by_vote[json.dumps(one["vote"])] for one in answers
    )
    ways: dict[str, str] = {}
    for one in counted:
        ways[one["vote"]["username"]] = one["vote"]["type"]
        up, down = (list(ways.values()).count(way) for way in ("up", "down"))
        assert one["totals"] == {"upvotes": up, "downvotes": down, "score": up - down}
    (game,) = (await host.read(f"/api/sessions/{session_id}"))["games"]
    assert game["totals"] == {"upvotes": 0, "downvotes": VOTERS, "score": -VOTERS}
    heard = await bot.hear_in(session_id, EVENTS - 1)
    assert [json.loads(text) for text in heard] == [without_place(event) for event in polled[1:]]
    async with target.bot(target.token("bot")) as latecomer:
        answer = await latecomer.ask({"type": "subscribe", "sessionId": session_id, "since": ""})
        assert (answer["last"], answer["recovered"]) == (EVENTS, True)
        assert [json.loads(text) for text in await hear_to(latecomer, "", last_of(answer))] == polled

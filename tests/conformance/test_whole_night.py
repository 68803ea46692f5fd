"""A whole night as one story: a host, voters who come at once, and a bot that misses the middle of it."""

import asyncio
import json
from typing import Any

from tests.clients import PATIENCE_SECONDS, Bot, Connect, Host, Target

VOTERS = 12


async def resumed(bot: Bot, frame: dict[str, Any], answer_type: str) -> Any:
    answer = await bot.ask(frame)
    assert answer["type"] == answer_type, answer
    assert answer["recovered"] is True
    return answer


async def heard(bot: Bot, event_type: str) -> list[Any]:
    """Return every event so far, once one of a type has come."""
    while not any(json.loads(text)["type"] == event_type for text in bot.heard):
        bot.heard.append(await asyncio.wait_for(bot.socket.recv(decode=True), timeout=PATIENCE_SECONDS))
    return [json.loads(text) for text in bot.heard]


async def test_a_night_from_its_start_to_its_end_with_a_bot_that_misses_the_middle(
    target: Target, host: Host, connected: Connect
) -> None:
    before = await connected()
    begun = await resumed(
        before, {"type": "auth", "token": target.token("bot"), "since": "now"}, "auth_success"
    )
    session = await host.start("The whole night")
    path = f"/api/sessions/{session['id']}"
    await resumed(before, {"type": "subscribe", "sessionId": session["id"], "since": ""}, "subscribed")
    await before.socket.close()

    game = await host.http.post(f"{path}/games", json={"title": "Quiplash 3", "pack_name": "Party Pack 7"})
    votes = await asyncio.gather(
        *(
            host.http.post(
                f"{path}/votes",
                json={"username": f"voter {number}", "type": "up"},
                headers={"Idempotency-Key": f"{session['created_at']} {number}"},
            )
            for number in range(VOTERS)
        )
    )
    closed = await host.http.post(f"{path}/close")

    assert game.status_code == 201, game.text
    assert {vote.status_code for vote in votes} <= {201, 202}
    assert (closed.status_code, closed.json()["is_active"]) == (200, 0)
    shown = (await host.http.get(path)).json()
    assert [one["title"] for one in shown["games"]] == ["Quiplash 3"]
    listed = await host.http.get("/api/sessions", params={"since": begun["cursor"]})
    assert session["id"] in [one["id"] for one in listed.json()["sessions"]]
    assert (await host.http.get("/api/sessions/active")).status_code in {200, 404}
    polled = (await host.http.get(f"{path}/events", params={"since": ""})).json()["events"]

    after = await connected()
    token = target.token("bot")
    await resumed(after, {"type": "auth", "token": token, "since": begun["cursor"]}, "auth_success")
    await resumed(after, {"type": "subscribe", "sessionId": session["id"], "since": ""}, "subscribed")
    all_heard = await heard(after, "session.ended")
    events = [one for one in all_heard if one["data"]["session"]["id"] == session["id"]]

    of_the_night = [one["type"] for one in events if one["type"] != "session.started"]
    assert of_the_night == ["game.added", *["vote.received"] * VOTERS, "session.ended"]
    assert [one["type"] for one in polled] == ["session.started", *of_the_night]

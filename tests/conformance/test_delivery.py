"""``session.started``: to whom it goes, and what they get.

Other people may be starting sessions on the target, so an event is known by its session's id. That something
was not sent is shown by something later that was: the bot hears a later session, and the connection itself
has its ping answered.
"""

import asyncio
import json

import pytest

from tests.clients import Bot, Connect, Host, Target


@pytest.mark.parametrize("notes", ["Friday Game Night 🎲", None])
async def test_everyone_authenticated_hears_the_seeds_bytes(
    target: Target, connected: Connect, bot: Bot, host: Host, notes: str | None
) -> None:
    one_client = target.token("bot", "kosmi")
    listeners = [bot, await connected(target.token("admin"))]
    listeners += await asyncio.gather(*(connected(one_client) for _ in range(5)))
    before = await host.start()
    await bot.ask({"type": "subscribe", "sessionId": before["id"]})

    session = await host.start(notes)

    text = await bot.hear_start_of(session["id"])
    timestamp = json.loads(text)["timestamp"]
    assert text == (
        f'{{"type":"session.started","timestamp":"{timestamp}","data":{{"session":{{'
        f'"id":{session["id"]},"is_active":1,"created_at":"{session["created_at"]}",'
        f'"notes":{json.dumps(notes, ensure_ascii=False)}}}}}}}'
    )
    assert timestamp >= session["created_at"]
    for listener in listeners:
        assert await listener.hear_start_of(session["id"]) == text


async def test_fifty_starts_at_once_are_heard_in_order_without_gaps(
    target: Target, connected: Connect, host: Host
) -> None:
    bots = await asyncio.gather(*(connected(target.token("bot")) for _ in range(3)))

    sessions = await asyncio.gather(*(host.start() for _ in range(50)))

    ids = {session["id"] for session in sessions}
    assert len(ids) == len(sessions)
    for bot in bots:
        # Somebody else's that came between are heard as well.
        for session_id in range(min(ids), max(ids) + 1):
            await bot.hear_start_of(session_id)
        # Delivery is at least once: what counts is when something was heard first.
        first_heard = list(dict.fromkeys(bot.started))
        assert first_heard == sorted(first_heard)

"""Nights as the suite needs them, and what the contract says of their events and cursors."""

import json
from collections.abc import Iterable
from typing import Any

from tests.clients import Bot, Host

NO_SESSION = 2**53
"""No target gets this far."""

NOWHERE = "nowhere:1"
"""A cursor of a stream that there is not: reading from it is how to learn where a stream ends now."""


def event(event_type: str, timestamp: str, data: object) -> str:
    """Return the text of an event with these fields, in this order."""
    shown = {"type": event_type, "timestamp": timestamp, "data": data}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def is_a_timestamp(text: str) -> bool:
    """Say whether a text has the shape of the contract's timestamps."""
    return len(text) == len("2025-11-01T20:00:00.123Z") and text[10] == "T" and text.endswith("Z")


def events_in(polled: str) -> str:
    """Return the part of an answer of ``GET .../events`` that is the events, to the byte."""
    opening, _, rest = polled.partition('"events":[')
    assert opening == "{", polled
    events, closing, _ = rest.rpartition('],"cursor":')
    assert closing, polled
    return events


async def end_of(host: Host, session_id: int) -> str:
    """Return the cursor of a session's newest event."""
    page = await host.read(f"/api/sessions/{session_id}/events", since=NOWHERE)
    cursor: str = page["cursor"]
    return cursor


async def end_of_starts(host: Host) -> str:
    """Return the cursor of the newest start of all sessions."""
    page = await host.read("/api/sessions", since=NOWHERE)
    cursor: str = page["cursor"]
    return cursor


def sequence(cursor: str) -> int:
    """Return the place of a cursor in its stream. Cursors are dense: the next event's is one more."""
    return int(cursor.rpartition(":")[2])


def epoch(cursor: str) -> str:
    """Return the name of the stream that a cursor belongs to."""
    return cursor.rpartition(":")[0]


def stream_of(session_id: int) -> str:
    """Return the name of a session's own stream."""
    return f"session:{session_id}"


def with_place(text: str, stream: str, cursor: str) -> str:
    """Return the text of an event as who resumes or polls gets it."""
    return f'{text[:-1]},"stream":"{stream}","sequence":{sequence(cursor)},"cursor":"{cursor}"}}'


def without_place(polled: Any) -> Any:
    """Return an event as who has never opted in gets it."""
    return {name: polled[name] for name in ("type", "timestamp", "data")}


def last_of(answer: Any) -> str:
    """Return the cursor of the newest event, as an answer to ``since`` names it."""
    return f"{epoch(answer['cursor'])}:{answer['last']}"


def cursors(texts: Iterable[str]) -> list[str]:
    """Return the cursors of events, of those that have one."""
    events: Iterable[Any] = map(json.loads, texts)
    return [event["cursor"] for event in events if "cursor" in event]


def along(bot: Bot, stream: str) -> dict[int, str]:
    """Return the text of what a bot has heard on the stream of an epoch, by its place in it."""
    heard: dict[int, str] = {}
    for text in bot.heard:
        for cursor in cursors([text]):
            if epoch(cursor) == stream:
                heard.setdefault(sequence(cursor), text)
    return heard


async def hear_to(bot: Bot, since: str, end: str) -> list[str]:
    """Return each event of a stream above one cursor and up to another, in order, once all have come."""
    wanted = range(sequence(since) + 1 if since else 1, sequence(end) + 1)
    while not along(bot, epoch(end)).keys() >= set(wanted):
        await bot.listen()
    heard = along(bot, epoch(end))
    return [heard[place] for place in wanted]

"""Ids and cursors that are forged, from other streams, from before, or from beyond, over both APIs.

A cursor is no secret and lets nobody in, but it must not make us show one stream's events in another.
"""

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.cases import CASES
from tests.attacks.siege import Siege, besieged
from tests.attacks.test_frames import RANDOM

WEIRD = ["", " ", "01", "1.0", "1e1", "+1", "-0", "0x1", "\uff11", "²", "1#2", "1/..", "head", "active"]
WEIRD += [
    "null",
    "sessions",
    "session#1",
    "1%2F..",
    "..",
    ".",
    "%00",
    "1\u0000",
    "9" * 400,
    "1;2",
    "*",
    "$ne",
]
IDS = (
    st.integers(-5, 40)
    | st.integers()
    | st.sampled_from([2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**63, 2**64, 10**30])
    | st.text(max_size=12)
    | st.sampled_from(WEIRD)
)


def _cursors(siege: Siege, sessions: list[int]) -> st.SearchStrategy[str]:
    """Return cursors that are ours but of anything, and what only looks like one."""
    real = [siege.ask("GET", "/api/sessions", siege.bot).body["cursor"]]
    real += [siege.ask("GET", f"/api/sessions/{one}/events", siege.bot).body["cursor"] for one in sessions]
    epochs = [cursor.rpartition(":")[0] for cursor in real]
    return st.one_of(
        st.sampled_from([*real, "", "now"]),
        st.builds(
            lambda epoch, place: f"{epoch}:{place}",
            st.sampled_from([*epochs, "", "new", "fake", "0", "é", "#", "a:b"]),
            st.integers(-3, 50)
            | st.integers()
            | st.sampled_from(["", "x", "01", "1.0", "²", "9" * 300, "+1"]),
        ),
        st.text(max_size=30),
    )


def test_no_id_and_no_cursor_shows_anything_that_is_not_asked_for() -> None:
    with besieged() as siege:
        sessions = [siege.start() for _ in range(5)]
        siege.drain()
        bots = [siege.connect_as(siege.bot)]

        @settings(RANDOM, max_examples=600)
        @given(IDS, _cursors(siege, sessions), st.sampled_from(["subscribe", "unsubscribe", "auth"]))
        def attack(session_id: Any, since: str, verb: str) -> None:
            asked = quote(str(session_id), safe="%")
            _poll(siege, asked, since)
            bot = bots[0] = siege.fresh(bots[0], siege.bot)
            bot.subscribed = {session_id} if type(session_id) is int else set()
            bot.events.clear()
            frame = {"type": verb, "sessionId": session_id, "since": since}
            if verb == "auth":
                frame = {"type": verb, "token": siege.bot, "since": since}
            answer = siege.say(bot, frame)
            replayed = {event["data"]["session"]["id"] for event in bot.events}
            if verb == "subscribe":
                assert replayed <= {session_id}, (frame, bot.events)
            if answer["type"] == "error":
                assert not bot.events
            siege.say(bot, {"type": "unsubscribe", "sessionId": session_id})
            assert not siege.complaints, siege.complaints

        attack()

        assert siege.cases >= CASES["positions"]


def _poll(siege: Siege, asked: str, since: str) -> None:
    query = f"since={quote(since, safe='', errors='surrogatepass')}&limit=100"
    for path in ("/api/sessions", f"/api/sessions/{asked}/events"):
        answer = siege.ask("GET", path, siege.bot, query=query)
        assert answer.status in {200, 400, 403, 404}, (path, query, answer)
        if answer.status == 200 and path.endswith("/events"):
            about = {event["data"]["session"]["id"] for event in answer.body["events"]}
            assert about <= {int(asked)}, (path, query, answer)
    siege.ask("GET", f"/api/sessions/{asked}", siege.bot)


def test_a_cursor_of_one_stream_gets_nothing_of_another() -> None:
    with besieged() as siege:
        one, another = siege.start(), siege.start()
        siege.drain()
        cursors = {
            night: siege.ask("GET", f"/api/sessions/{night}/events", siege.bot, query="limit=1").body[
                "cursor"
            ]
            for night in (one, another)
        }
        starts = siege.ask("GET", "/api/sessions", siege.bot).body["cursor"]
        bot = siege.connect_as(siege.bot)
        bot.subscribed = {one}

        for since in (cursors[another], starts):
            answer = siege.say(bot, {"type": "subscribe", "sessionId": one, "since": since})
            polled = siege.ask("GET", f"/api/sessions/{one}/events", siege.bot, query=f"since={since}").body
            assert (answer["type"], answer["recovered"]) == ("subscribed", False)
            assert (polled["recovered"], polled["events"]) == (False, [])
        resumed = siege.say(bot, {"type": "auth", "token": siege.bot, "since": cursors[one]})

        assert resumed["recovered"] is False
        assert bot.events == []


def test_who_is_not_let_in_learns_nothing_of_what_is_there() -> None:
    with besieged() as siege:
        there, not_there = siege.quiet_id, siege.quiet_id + 1000
        stranger = siege.knock()

        for suffix in ("", "/events"):
            answers = {
                json.dumps(siege.ask("GET", f"/api/sessions/{night}{suffix}", "junk").body)
                for night in (there, not_there)
            }
            assert len(answers) == 1
        told = [
            siege.say(stranger, {"type": "subscribe", "sessionId": night}) for night in (there, not_there)
        ]

        assert told[0] == told[1]

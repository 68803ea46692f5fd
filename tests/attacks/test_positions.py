"""Ids and cursors that are forged, from other streams, from before, or from beyond, over both APIs.

A cursor is no secret and lets nobody in, but it must not make us show one stream's events in another.
"""

from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.service import AttackedService, attacked
from tests.attacks.test_frames import RANDOM

WEIRD = [
    *("", " ", "01", "1.0", "1e1", "+1", "-0", "0x1", "\uff11", "²", "1#2", "1/..", "head", "active", "null"),
    *("sessions", "session#1", "1%2F..", "..", ".", "%00", "1\u0000", "9" * 400, "1;2", "*", "$ne"),
]
IDS = (
    st.integers(-5, 40)
    | st.integers()
    | st.sampled_from([2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**63, 2**64, 10**30])
    | st.text(max_size=12)
    | st.sampled_from(WEIRD)
)
PLACES = st.integers(-3, 50) | st.integers() | st.sampled_from(["", "x", "01", "1.0", "²", "9" * 300, "+1"])


def _cursor(service: AttackedService, path: str) -> str:
    cursor: str = service.ask("GET", path, service.bot).body["cursor"]
    return cursor


def _cursors(service: AttackedService, sessions: list[int]) -> st.SearchStrategy[str]:
    """Return cursors that are ours but of anything, and what only looks like one."""
    paths = ["/api/sessions", *(f"/api/sessions/{one}/events" for one in sessions)]
    real = [_cursor(service, path) for path in paths]
    epochs = [*(cursor.rpartition(":")[0] for cursor in real), "", "new", "fake", "0", "é", "#", "a:b"]
    return st.one_of(
        st.sampled_from([*real, "", "now"]),
        st.builds(lambda epoch, place: f"{epoch}:{place}", st.sampled_from(epochs), PLACES),
        st.text(max_size=30),
    )


def _poll(service: AttackedService, session_id: str, since: str) -> None:
    query = f"since={quote(since, safe='', errors='surrogatepass')}&limit=100"
    for path in ("/api/sessions", f"/api/sessions/{session_id}", f"/api/sessions/{session_id}/events"):
        answer = service.ask("GET", path, service.bot, query=query)
        assert answer.status in {200, 400, 403, 404}, (path, query, answer)
        if answer.status == 200 and path.endswith("/events"):
            about = {event["data"]["session"]["id"] for event in answer.body["events"]}
            assert about <= {int(session_id)}, (path, query, answer)


def test_ids_and_cursors_show_only_what_is_asked_for() -> None:
    with attacked() as service:
        sessions = [service.start() for _ in range(5)]
        service.drain()
        bots = [service.connect_as(service.bot)]

        @settings(RANDOM, max_examples=600)
        @given(IDS, _cursors(service, sessions), st.sampled_from(["subscribe", "unsubscribe", "auth"]))
        def attack(session_id: Any, since: str, verb: str) -> None:
            _poll(service, quote(str(session_id), safe="%"), since)
            bot = bots[0] = service.fresh(bots[0], service.bot)
            bot.subscribed = {session_id} if type(session_id) is int else set()
            bot.events.clear()
            frame = {"type": verb, "sessionId": session_id, "since": since}
            if verb == "auth":
                frame = {"type": verb, "token": service.bot, "since": since}
            answer = service.send(bot, frame)
            replayed = {event["data"]["session"]["id"] for event in bot.events}
            assert verb != "subscribe" or replayed <= {session_id}, (frame, bot.events)
            assert answer["type"] != "error" or not replayed
            service.send(bot, {"type": "unsubscribe", "sessionId": session_id})
            assert not service.complaints, service.complaints

        attack()

        assert service.cases >= 1500

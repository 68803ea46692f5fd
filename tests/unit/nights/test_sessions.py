import json

import pytest

from chalicelib.connections.connection import shard_of
from chalicelib.errors import InvalidCursor, SessionClosed
from chalicelib.nights.cursors import BEGINNING, Cursor, position
from chalicelib.nights.sessions import Session, StreamHead, end_session, start_session

SEED_ENVELOPE = """{
"type": "session.started",
"timestamp": "2025-11-01T20:00:00.123Z",
"data": {
"session": {
"id": 17,
"is_active": 1,
"created_at": "2025-11-01T20:00:00.123Z",
"notes": "Friday Game Night"
}
}
}"""


def test_the_event_of_a_start_is_the_seeds_down_to_the_order_of_its_keys() -> None:
    head = StreamHead("e0", 16)

    _, event = start_session(head, epoch="e17", notes="Friday Game Night", now="2025-11-01T20:00:00.123Z")

    expected = json.dumps(json.loads(SEED_ENVELOPE), separators=(",", ":"))
    assert event.plain.decode() == expected


def test_a_start_continues_the_stream_of_sessions_and_begins_its_own() -> None:
    session, event = start_session(StreamHead("e0", 16), epoch="e17", notes=None, now="t")

    assert (session.id, session.sequence, session.is_active) == (17, 1, True)
    assert event.cursor == Cursor("e17", 1)
    assert event.sessions_cursor == Cursor("e0", 17)


def test_a_frame_with_a_cursor_is_the_plain_one_and_a_cursor() -> None:
    _, event = start_session(StreamHead("e0", 0), epoch="e1", notes='"}', now="t")

    frame = json.loads(event.with_cursor(Cursor("e0", 1)))

    assert frame.pop("cursor") == "e0:1"
    assert frame == json.loads(event.plain)


def test_notes_are_sent_as_they_were_typed() -> None:
    _, event = start_session(StreamHead("e0", 0), epoch="e1", notes="🎲 «Spiel»", now="t")

    assert "🎲 «Spiel»" in event.plain.decode()


@pytest.mark.parametrize("text", ["", ":", "e", "e:", ":5", "e:-1", "e:x", "e:٣", "e:" + "9" * 13])
def test_what_is_no_cursor_is_not_read_as_one(text: str) -> None:
    assert Cursor.parse(text) is None


def test_a_cursor_survives_the_way_to_a_client_and_back() -> None:
    cursor = Cursor("e17", 42)

    assert Cursor.parse(str(cursor)) == cursor


def test_nothing_at_all_is_the_beginning_and_anything_else_has_to_be_a_cursor() -> None:
    assert position("") == BEGINNING
    assert position("e17:42") == Cursor("e17", 42)
    with pytest.raises(InvalidCursor) as refused:
        position("yesterday")
    assert [one.field for one in refused.value.errors] == ["since"]


def test_the_event_of_an_end_is_the_contracts_down_to_the_order_of_its_keys() -> None:
    night = Session(17, "e17", 9, "2025-11-01T20:00:00.123Z", None, games_played=4)

    ended, event = end_session(night, now="2025-11-01T23:00:00.000Z")

    assert event.envelope == (
        '{"type":"session.ended","timestamp":"2025-11-01T23:00:00.000Z","data":{"session":{'
        '"id":17,"is_active":0,"created_at":"2025-11-01T20:00:00.123Z",'
        '"ended_at":"2025-11-01T23:00:00.000Z","notes":null,"games_played":4}}}'
    )
    assert event.cursor == Cursor("e17", 10)
    assert (ended.is_active, ended.sequence) == (False, 10)


def test_a_night_ends_once() -> None:
    night = Session(17, "e17", 9, "t", None)
    ended, _ = end_session(night, now="t")

    with pytest.raises(SessionClosed, match="17"):
        end_session(ended, now="t")


def test_shards_are_stable_and_evenly_filled() -> None:
    ids = [f"{number}=" for number in range(8000)]

    shards = [shard_of(one, 8) for one in ids]

    assert shard_of("L0SM9cOFvHcCIhw=", 8) == 5  # the same in every process and version
    assert all(900 < shards.count(shard) < 1100 for shard in range(8))

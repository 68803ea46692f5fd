import json

import pytest

from chalicelib.connections.connection import shard_of
from chalicelib.errors import InvalidCursor
from chalicelib.nights.cursors import BEGINNING, NOW, Cursor, parse_since
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


def test_a_starts_event_is_the_seeds_to_the_byte() -> None:
    head = StreamHead("e0", 16)

    _, *events = start_session(head, epoch="e17", notes="Friday Game Night", now="2025-11-01T20:00:00.123Z")

    expected = json.dumps(json.loads(SEED_ENVELOPE), separators=(",", ":"))
    assert [event.plain.decode() for event in events] == [expected, expected]


def test_a_frame_with_its_place_has_three_fields_more() -> None:
    _, event, _ = start_session(StreamHead("e0", 0), epoch="e1", notes='"}', now="t")

    assert event.with_place == event.envelope[:-1] + ',"stream":"sessions","sequence":1,"cursor":"e0:1"}'
    assert list(json.loads(event.with_place))[-3:] == ["stream", "sequence", "cursor"]


@pytest.mark.parametrize("text", ["", ":", "e", "e:", ":5", "e:-1", "e:x", "e:٣", "e:" + "9" * 13])
def test_what_is_no_cursor_is_not_read_as_one(text: str) -> None:
    assert Cursor.parse(text) is None


def test_since_is_a_cursor_or_the_beginning_or_now() -> None:
    assert [parse_since(text) for text in ("", "now", "e17:42")] == [BEGINNING, NOW, Cursor("e17", 42)]


@pytest.mark.parametrize("text", ["yesterday", "NOW", " ", "e:-1"])
def test_no_other_text_is_a_place_to_resume_from(text: str) -> None:
    with pytest.raises(InvalidCursor) as refused:
        parse_since(text)

    assert [one.field for one in refused.value.errors] == ["since"]


def test_an_ends_event_is_the_contracts_to_the_byte() -> None:
    night = Session(17, "e17", 9, "2025-11-01T20:00:00.123Z", None, games_added=4)

    ended, event = end_session(night, now="2025-11-01T23:00:00.000Z")

    assert event.envelope == (
        '{"type":"session.ended","timestamp":"2025-11-01T23:00:00.000Z","data":{"session":{'
        '"id":17,"is_active":0,"created_at":"2025-11-01T20:00:00.123Z",'
        '"ended_at":"2025-11-01T23:00:00.000Z","notes":null,"games_played":4}}}'
    )
    assert event.cursor == Cursor("e17", 10)
    assert (ended.is_active, ended.sequence) == (False, 10)


def test_shards_are_stable_and_evenly_filled() -> None:
    ids = [f"{number}=" for number in range(8000)]

    shards = [shard_of(one, 8) for one in ids]

    assert shard_of("L0SM9cOFvHcCIhw=", 8) == 5  # the same in every process and version
    assert all(900 < shards.count(shard) < 1100 for shard in range(8))

from typing import Any

import pytest

from chalicelib.aws.dynamodb.nights.stream_records import ReadRecords, read_records
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import UnreadableRecord


def record(
    sequence_number: str, sort_key: str, name: str = "INSERT", partition: str = "session#17", **image: Any
) -> dict[str, Any]:
    keys = {"PK": {"S": partition}, "SK": {"S": sort_key}}
    whole = {
        "type": {"S": "session.started" if partition == "sessions" else "game.added"},
        "envelope": {"S": '{"n":1}'},
        "epoch": {"S": "e17"},
    }
    change = {
        "ApproximateCreationDateTime": 1_762_027_200.5,
        "Keys": keys,
        "NewImage": keys | whole | image,
        "SequenceNumber": sequence_number,
    }
    return {"eventName": name, "eventSourceARN": "arn:stream", "dynamodb": change}


def test_an_appended_event_is_decoded() -> None:
    (logged,) = read_records([record("5", "event#0000000002")]).events

    assert logged.sequence_number == "5"
    assert (logged.event.stream, logged.event.cursor) == ("session:17", Cursor("e17", 2))
    assert (logged.event.type, logged.event.plain) == ("game.added", b'{"n":1}')


def test_a_start_is_delivered_in_the_stream_of_all_sessions() -> None:
    copies = [
        record("5", "event#0000000017", partition="sessions", epoch={"S": "e0"}),
        record("6", "event#0000000001", type={"S": "session.started"}),
    ]

    (logged,) = read_records(copies).events

    assert (logged.event.stream, logged.event.cursor) == ("sessions", Cursor("e0", 17))
    assert logged.event.session_id == 17


def test_events_of_one_commit_are_decoded_in_order() -> None:
    together = record(
        "5", "event#0000000009", type={"S": "vote.received"}, envelope={"S": '{"n":1}\n{"n":2}'}
    )

    read = read_records([together]).events

    assert [one.sequence_number for one in read] == ["5", "5"]
    assert [one.event.envelope for one in read] == ['{"n":1}', '{"n":2}']
    assert [one.event.cursor for one in read] == [Cursor("e17", 8), Cursor("e17", 9)]


def test_pending_votes_are_told_by_their_sessions() -> None:
    waiting = [record(str(number), "01762027200000#id") for number in range(3)]
    for number, session_id in enumerate((17, 4, 17)):
        waiting[number]["dynamodb"]["Keys"]["PK"]["S"] = f"pending#{session_id}"

    assert read_records(waiting) == ReadRecords(pending={17: ["0", "2"], 4: ["1"]})


def test_other_changes_are_passed_over() -> None:
    others = [
        record("1", "head"),
        record("2", "event#0000000001", "REMOVE"),
        record("3", "event#0000000001", "MODIFY"),
    ]

    assert read_records(others) == ReadRecords()


def test_an_unreadable_record_is_named_and_the_next_is_read(caplog: pytest.LogCaptureFixture) -> None:
    poison = [
        record("1", "event#x"),
        record("2", "event#0000000001", type={"S": "session.exploded"}),
        record("3", "event#0000000001", envelope={"N": "5"}),
    ]

    read = read_records([*poison, record("4", "event#0000000002")])

    assert [one.sequence_number for one in read.events] == ["4"]
    assert [one.sequence_number for one in read.unreadable] == ["1", "2", "3"]
    assert read.unreadable[0] == UnreadableRecord("arn:stream", "1", "session#17", "event#x", 1_762_027_200.5)
    assert [(vars(line)["unreadable"], vars(line)["metrics"]) for line in caplog.records] == [
        (1, ["unreadable"])
    ] * 3

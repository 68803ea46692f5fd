from typing import Any

from chalicelib.domain.cursors import Cursor
from chalicelib.storage.stream_records import logged_events


def record(sequence_number: str, sort_key: str, name: str = "INSERT", **image: Any) -> dict[str, Any]:
    keys = {"PK": {"S": "session#17"}, "SK": {"S": sort_key}}
    whole = {
        "type": {"S": "session.started"},
        "envelope": {"S": '{"type":"session.started"}'},
        "epoch": {"S": "e17"},
        "sessions_epoch": {"S": "e0"},
    }
    change = {"Keys": keys, "NewImage": keys | whole | image, "SequenceNumber": sequence_number}
    return {"eventName": name, "dynamodb": change}


def test_an_appended_event_is_decoded() -> None:
    (logged,) = logged_events([record("5", "event#0000000001")])

    assert logged.sequence_number == "5"
    assert (logged.event.session_id, logged.event.cursor) == (17, Cursor("e17", 1))
    assert logged.event.sessions_cursor == Cursor("e0", 17)
    assert logged.event.plain == b'{"type":"session.started"}'


def test_events_that_were_counted_together_are_decoded_in_order_each_with_its_own_place() -> None:
    together = record(
        "5", "event#0000000009", type={"S": "vote.received"}, envelope={"S": '{"n":1}\n{"n":2}'}
    )

    read = logged_events([together])

    assert [one.sequence_number for one in read] == ["5", "5"]
    assert [one.event.envelope for one in read] == ['{"n":1}', '{"n":2}']
    assert [one.event.cursor for one in read] == [Cursor("e17", 8), Cursor("e17", 9)]


def test_other_changes_are_passed_over() -> None:
    others = [
        record("1", "head"),
        record("2", "event#0000000001", "REMOVE"),
        record("3", "event#0000000001", "MODIFY"),
    ]

    assert logged_events(others) == []


def test_a_record_that_cannot_be_read_does_not_hold_up_the_next() -> None:
    poison = [
        record("1", "event#x"),
        record("2", "event#0000000001", type={"S": "session.exploded"}),
        record("3", "event#0000000001", envelope={"N": "5"}),
    ]

    read = logged_events([*poison, record("4", "event#0000000002")])

    assert [one.sequence_number for one in read] == ["4"]

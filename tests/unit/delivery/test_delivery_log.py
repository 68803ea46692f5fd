import logging
from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any

import pytest

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost
from chalicelib.delivery import delivery_log
from chalicelib.delivery.delivery_log import EACH_UP_TO, DeliveryLog
from chalicelib.nights import event_fields
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType, LoggedEvent

EVENT = Event(
    17,
    EventType.SESSION_STARTED,
    '{"type":"session.started","timestamp":"1970-01-01T00:01:40.000Z","data":{}}',
    Cursor("e17", 1),
    Cursor("e0", 17),
)
NAMES = {
    "event": "17/1",
    "event_type": "session.started",
    "session_id": 17,
    "sequence": 1,
    "cursor": "e17:1",
    "sessions_cursor": "e0:17",
    "event_timestamp": "1970-01-01T00:01:40.000Z",
}


def seconds(*moments: float) -> Callable[[], float]:
    """A clock that shows these moments, one after the other, and stays at the last."""
    each = chain(moments, repeat(moments[-1]))
    return lambda: next(each)


def recipients(count: int) -> list[Recipient]:
    return [Recipient(f"{number}=", "api", "dev") for number in range(count)]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    caplog.set_level(logging.DEBUG)
    return lambda: [vars(record) for record in caplog.records]


def of(lines: Iterable[dict[str, Any]], hop: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["hop"] == hop]


def test_every_hop_has_the_same_names(said: Callable[[], list[dict[str, Any]]]) -> None:
    failed = FailedPost(Recipient("1=", "api", "dev"), 500, "answered 500")
    report = DeliveryReport(delivered=1, failed=[failed], gone=recipients(1))

    event_fields.appended([EVENT])
    delivery_log.received(LoggedEvent("100", EVENT))
    delivery_log.queued(EVENT, 8)
    DeliveryLog().begin(EVENT, 2).broadcasted(report)
    delivery_log.fell_behind(EVENT, [failed])
    DeliveryLog().caught_up(EVENT, "1=", report)

    assert {line["hop"] for line in said()} == {
        *("appended", "received", "queued", "broadcast", "posted", "failed", "gone", "fell_behind"),
        "caught_up",
    }
    assert all({name: line[name] for name in NAMES} == NAMES for line in said())


def test_a_small_audience_is_told_of_one_by_one_in_one_line(said: Callable[[], list[dict[str, Any]]]) -> None:
    first, second, gone = recipients(3)
    witness = DeliveryLog(seconds(100.02, 100.03, 100.04, 100.05, 100.06)).begin(EVENT, 3)
    note = witness.settled()
    assert note is not None
    for one in (first, gone, second):
        note(one)

    witness.posted(DeliveryReport(delivered=2, gone=[gone]))

    [posted] = of(said(), "posted")
    assert posted["deliveries"] == {"0=": 30, "1=": 50}
    assert (posted["duration_ms"], posted["record_age_ms"]) == (40, 60)
    assert posted["metrics"] == ["audience", "delivered", "gone", "duration_ms", "record_age_ms"]


def test_a_large_audience_costs_no_line_and_no_call_for_each(
    said: Callable[[], list[dict[str, Any]]],
) -> None:
    witness = DeliveryLog().begin(EVENT, EACH_UP_TO + 1)

    assert witness.settled() is None
    witness.posted(DeliveryReport(delivered=EACH_UP_TO + 1))

    assert [line["hop"] for line in said()] == ["posted"]
    assert "deliveries" not in said()[0]


def test_at_debug_everyone_of_a_large_audience_is_named(said: Callable[[], list[dict[str, Any]]]) -> None:
    settled_too: list[Recipient] = []
    witness = DeliveryLog(each=True).begin(EVENT)
    note = witness.settled(settled_too.append)
    assert note is not None
    for one in recipients(450):
        note(one)

    witness.posted(DeliveryReport(delivered=450))

    assert len(settled_too) == 450
    named = [line["deliveries"] for line in of(said(), "each")]
    assert [len(some) for some in named] == [200, 200, 50]
    assert {one for some in named for one in some} == {one.connection_id for one in recipients(450)}


def test_nobody_to_deliver_to_is_no_metric(said: Callable[[], list[dict[str, Any]]]) -> None:
    DeliveryLog().begin(EVENT, 0).posted(DeliveryReport())

    assert [line["metrics"] for line in said()] == [[]]


def test_catching_up_says_nothing_of_the_age_of_deliveries(said: Callable[[], list[dict[str, Any]]]) -> None:
    DeliveryLog().caught_up(EVENT, "1=", DeliveryReport(delivered=1, retried=2))

    assert [line["metrics"] for line in said()] == [["delivered", "retried"]]


def test_an_envelope_without_a_time_is_logged_without_an_age(
    said: Callable[[], list[dict[str, Any]]],
) -> None:
    event = Event(17, EventType.GAME_ADDED, '{"n":2}', Cursor("e17", 2))

    DeliveryLog().begin(event, 1).posted(DeliveryReport(delivered=1))

    [posted] = said()
    assert posted.keys() & {"record_age_ms", "event_timestamp"} == set()

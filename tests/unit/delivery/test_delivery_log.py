import logging
from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any

import pytest

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import FailedPost, Outcome
from chalicelib.delivery import delivery_log
from chalicelib.delivery.delivery_log import NAMED_UP_TO, DeliveryLog
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.nights import events as event_fields
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType, LoggedEvent

EVENT = Event(
    "sessions",
    Cursor("e0", 17),
    EventType.SESSION_STARTED,
    '{"type":"session.started","timestamp":"1970-01-01T00:01:40.000Z","data":{}}',
)
NAMES = {
    "event": "17/1",
    "event_type": "session.started",
    "session_id": 17,
    "stream": "sessions",
    "sequence": 17,
    "cursor": "e0:17",
    "event_timestamp": "1970-01-01T00:01:40.000Z",
}

Lines = Callable[[], list[dict[str, Any]]]


def seconds(*moments: float) -> Callable[[], float]:
    """A clock that shows these moments, one after the other, and stays at the last."""
    each = chain(moments, repeat(moments[-1]))
    return lambda: next(each)


def delivered(count: int, at: float = 101.0) -> Outcome:
    return Outcome(delivered={f"{number}=": at for number in range(count)})


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.DEBUG)
    return lambda: [vars(record) for record in caplog.records]


def of(lines: Iterable[dict[str, Any]], stage: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["stage"] == stage]


def test_every_stage_names_the_event_alike(lines: Lines) -> None:
    gone, unreached = Recipient("gone=", "api", "dev"), Recipient("1=", "api", "dev")
    outcome = Outcome({"2=": 101.0}, gone=[gone], failed=[FailedPost(unreached, 500, "answered 500")])
    log = DeliveryLog(each=True)

    event_fields.appended([EVENT])
    delivery_log.received(LoggedEvent("100", EVENT))
    delivery_log.fanned_out(EVENT, 8)
    log.begin(EVENT).broadcasted(outcome)
    log.begin(EVENT).posted(delivered(NAMED_UP_TO + 1))
    delivery_log.fell_behind(EVENT, [CatchUpJob("sessions", "1=", 17)])
    log.caught_up(EVENT, "1=", delivered(1))

    stages = {"appended", "received", "fanned_out", "broadcast", "posted", "failed", "gone", "each"}
    assert {line["stage"] for line in lines()} == stages | {"fell_behind", "caught_up"}
    assert all({name: line[name] for name in NAMES} == NAMES for line in lines())


def test_the_lines_of_the_seed_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    DeliveryLog().begin(EVENT, 1).broadcasted(delivered(1))

    assert caplog.messages == [
        "[Sessions] Broadcasted session.started event for session 17",
        "[WebSocket] Broadcasted session.started to 1 client(s) for session 17",
    ]


def test_one_line_says_when_each_of_a_few_had_it(lines: Lines) -> None:
    recorder = DeliveryLog(seconds(100.02, 100.06)).begin(EVENT, 3)

    recorder.posted(Outcome({"0=": 100.03, "1=": 100.05}, gone=[Recipient("2=", "api", "dev")]))

    [posted] = of(lines(), "posted")
    assert posted["deliveries"] == {"0=": 30, "1=": 50}
    assert (posted["duration_ms"], posted["record_age_ms"]) == (40, 60)
    assert posted["metrics"] == ["audience", "delivered", "gone", "duration_ms", "record_age_ms"]


def test_of_a_large_audience_all_are_named_at_debug_alone(lines: Lines) -> None:
    outcome = delivered(450)
    assert len(outcome.delivered) > NAMED_UP_TO

    DeliveryLog(each=True).begin(EVENT).posted(outcome)

    [posted] = of(lines(), "posted")
    named = [line["deliveries"] for line in of(lines(), "each")]
    assert posted["delivered"] == 450
    assert "deliveries" not in posted
    assert [len(some) for some in named] == [200, 200, 50]
    assert {one for some in named for one in some} == set(outcome.delivered)


def test_catching_up_is_no_metric_of_age_or_audience(lines: Lines) -> None:
    unreached = FailedPost(Recipient("1=", "api", "dev"), None, "no answer")
    outcome = Outcome({"2=": 101.0}, failed=[unreached], retried=2)

    DeliveryLog().begin(EVENT, 0).posted(Outcome())
    DeliveryLog().caught_up(EVENT, "2=", outcome)

    to_nobody, *caught_up = lines()
    assert to_nobody["metrics"] == []
    [failed] = of(caught_up, "failed")
    assert (failed["connection_id"], failed["status"], failed["reason"]) == ("1=", None, "no answer")
    assert [line["metrics"] for line in of(caught_up, "caught_up")] == [["delivered", "failed", "retried"]]


def test_an_envelope_without_a_time_has_no_age(lines: Lines) -> None:
    event = Event("session:17", Cursor("e17", 2), EventType.GAME_ADDED, '{"n":2}')

    DeliveryLog().begin(event, 1).posted(delivered(1))

    [posted] = lines()
    assert posted.keys() & {"record_age_ms", "event_timestamp"} == set()
    assert posted["event"] == "17/2"

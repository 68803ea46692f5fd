"""Timelines of the very lines that the services log."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import FailedPost, Outcome
from chalicelib.delivery import delivery_log
from chalicelib.delivery.delivery_log import DeliveryLog, figures
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.logs import JsonFormatter
from chalicelib.nights import events as event_fields
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType, LoggedEvent
from infra.deploy.trace.timeline import timeline_of

COMMITTED = 1_762_027_200.123
EVENT = Event(
    "sessions",
    Cursor("e0", 17),
    EventType.SESSION_STARTED,
    '{"type":"session.started","timestamp":"2025-11-01T20:00:00.123Z","data":{}}',
)
SLOW, GONE = (Recipient(name, "api", "dev") for name in ("slow=", "gone="))


class Journal(logging.Handler):
    """What is logged, as lines; ``at`` is when, in milliseconds after the event."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0
        self.lines: list[dict[str, Any]] = []
        self.formatter = JsonFormatter()

    def now(self) -> float:
        return COMMITTED + self.at / 1000

    def emit(self, record: logging.LogRecord) -> None:
        record.created = self.now()
        self.lines.append(json.loads(self.format(record)))

    def function(self, name: str, at: int) -> None:
        assert isinstance(self.formatter, JsonFormatter)
        self.formatter.begin(name, {"request_id": "r-1"} if name == "api_handler" else {"invocation_id": "i"})
        self.at = at


@pytest.fixture
def journal() -> Iterator[Journal]:
    root, handler = logging.getLogger(), Journal()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def commit(journal: Journal) -> None:
    journal.function("api_handler", 4)
    event_fields.appended([EVENT])
    extra = {"stage": "answered", "status": 201, "subject": "host"}
    logging.getLogger("x").info("POST /api/sessions was answered 201", extra=extra)


def receive(journal: Journal, at: int) -> None:
    journal.function("broadcast", at)
    delivery_log.received(LoggedEvent("100", EVENT))


def reached(journal: Journal, *names: str) -> dict[str, float]:
    """Return when posts were taken: 10 ms after each other."""
    return {name: journal.now() + number / 100 for number, name in enumerate(names, 1)}


def deliver(journal: Journal, outcome: Outcome) -> None:
    recorder = DeliveryLog(journal.now).begin(EVENT, figures(outcome)["audience"])
    journal.at += 10 * min(len(outcome.delivered), 2)
    recorder.broadcasted(outcome)


def test_an_event_is_followed_from_its_request_to_each_delivery(journal: Journal) -> None:
    commit(journal)
    receive(journal, 200)
    deliver(journal, Outcome(reached(journal, "fast=", "slow=")))

    timeline = timeline_of(reversed(journal.lines))

    assert [(one.milliseconds, one.function, one.stage) for one in timeline.stages] == [
        (4, "api_handler", "appended"),
        (4, "api_handler", "answered"),
        (200, "broadcast", "received"),
        (210, "broadcast", "delivered"),
        (220, "broadcast", "delivered"),
        (220, "broadcast", "broadcast"),
        (220, "broadcast", "posted"),
    ]
    assert (timeline.delivered, timeline.named, timeline.notes) == (2, 2, [])
    assert timeline.event["event_timestamp"] == "2025-11-01T20:00:00.123Z"
    text = timeline.as_text()
    assert "POST /api/sessions was answered 201, sent by host" in text
    assert "       210  broadcast     delivered to fast=" in text
    assert text.endswith("Delivered to 2 connections.")
    assert timeline.event["cursor"] == "e0:17"
    assert timeline.stages[3].ids == {"invocation_id": "i", "connection_id": "fast="}


def test_whoever_was_not_reached_is_named_with_its_fate(journal: Journal) -> None:
    failed = FailedPost(SLOW, 429, "answered 429, after 6 attempts")
    commit(journal)
    receive(journal, 200)
    deliver(journal, Outcome(reached(journal, "fast="), gone=[GONE], failed=[failed]))
    delivery_log.fell_behind(EVENT, [CatchUpJob("sessions", "slow=", 17)])
    behind = timeline_of(journal.lines)
    journal.function("deliver", 5000)
    DeliveryLog().caught_up(EVENT, "slow=", Outcome(reached(journal, "slow=")))

    caught_up = timeline_of(journal.lines)

    said = [one.what for one in caught_up.stages]
    assert "slow= was not reached: answered 429, after 6 attempts" in said
    assert "gone= is gone, and is removed" in said
    assert "replayed to slow=" in said
    assert behind.notes == ["Not caught up so far: slow=."]
    assert (caught_up.delivered, caught_up.named, caught_up.notes) == (1, 2, [])
    assert caught_up.as_text().endswith("Delivered to 1 connection. Replayed to 1.")


def test_a_crowd_is_counted_and_not_named(journal: Journal) -> None:
    commit(journal)
    receive(journal, 200)
    delivery_log.fanned_out(EVENT, 8)
    deliver(journal, Outcome(reached(journal, *map(str, range(300)))))

    timeline = timeline_of(journal.lines)

    assert (timeline.delivered, timeline.named) == (300, 0)
    shards, unnamed = timeline.notes
    assert shards == "8 of 8 jobs have posted nothing yet."
    assert unnamed.startswith("300 deliveries are counted and not named.")


def test_what_has_not_happened_yet_is_said(journal: Journal) -> None:
    commit(journal)
    committed = timeline_of(journal.lines)
    receive(journal, 200)
    taken_up = timeline_of(journal.lines)
    receive(journal, 900)
    again = timeline_of(journal.lines[2:])

    assert [note.split(",")[0] for note in committed.notes] == ["The stream has not handed it over yet"]
    assert [note.split(",")[0] for note in taken_up.notes] == ["Its broadcast has not ended yet"]
    assert [note.split(" ")[:3] for note in again.notes] == [
        ["No", "line", "says"],
        ["Its", "broadcast", "has"],
        ["The", "stream", "handed"],
    ]

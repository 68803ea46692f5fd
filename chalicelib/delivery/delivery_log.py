"""Logs each stage of an event's delivery, with the same fields in every line.

``gamenight stage trace`` finds the lines by ``event`` and ``cursor``. docs/decisions/0105-what-is-logged.md
says which connections are named.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from chalicelib.connections.messages import Outcome
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.nights.events import Event, LoggedEvent, envelope_timestamp, event_fields

NAMED_UP_TO = 50
"""Up to this size of an audience, one line says when each connection got the event, in 30 bytes each."""

IDS_PER_LINE = 200

_METRICS = ("audience", "delivered", "gone", "failed", "retried")

logger = logging.getLogger(__name__)
sessions_log = logging.getLogger("Sessions")
websocket_log = logging.getLogger("WebSocket")


def received(record: LoggedEvent) -> None:
    """Log that an event came from the table's stream."""
    extra = _fields(record.event, "received", stream_record=record.sequence_number)
    logger.info("an event came from the stream", extra=extra)


def fanned_out(event: Event, jobs: int) -> None:
    """Log that jobs will deliver an event."""
    _broadcasted(event, _fields(event, "fanned_out", jobs=jobs))


def fell_behind(event: Event, jobs: Sequence[CatchUpJob]) -> None:
    """Log which connections an event did not reach."""
    for job in jobs:
        extra = _fields(event, "fell_behind", connection_id=job.connection_id, behind=job.behind)
        logger.info("a connection is behind; a job will catch it up", extra=extra)


def figures(outcome: Outcome) -> dict[str, int]:
    """Return an outcome in numbers."""
    counted = {
        "delivered": len(outcome.delivered),
        "gone": len(outcome.gone),
        "failed": len(outcome.failed),
        "expired": len(outcome.expired),
    }
    return {"audience": sum(counted.values()), **counted, "retried": outcome.retried}


class DeliveryLog(msgspec.Struct, frozen=True):
    """Logs deliveries; ``each`` names every connection (LOG_LEVEL=DEBUG). ``now`` gives Unix seconds."""

    now: Callable[[], float] = time.time
    each: bool = False

    def begin(self, event: Event, audience: int | None = None) -> "Recorder":
        """Begin to record a delivery. ``audience`` is its size, None if it is not known yet."""
        named = self.each or (audience is not None and audience <= NAMED_UP_TO)
        return Recorder(event, self.now, self.now(), named=named)

    def caught_up(self, event: Event, connection_id: str, outcome: Outcome) -> None:
        """Log the outcome of an event's replay to a connection."""
        counted = figures(outcome)
        # A replay's age and audience would distort the metrics of deliveries.
        metrics = [name for name in _METRICS[1:] if counted[name]]
        extra = _fields(event, "caught_up", **counted, connection_id=connection_id, metrics=metrics)
        logger.info("an event was replayed to a connection", extra=extra)
        _log_failures(event, outcome)


class Recorder(msgspec.Struct, frozen=True):
    """Records one delivery. ``began`` is in Unix seconds."""

    event: Event
    now: Callable[[], float]
    began: float
    named: bool

    def broadcasted(self, outcome: Outcome) -> None:
        """Log that an event was posted to all of its audience."""
        _broadcasted(self.event, _fields(self.event, "broadcast", **figures(outcome)))
        self.posted(outcome)

    def posted(self, outcome: Outcome, **more: Any) -> None:
        """Log how many connections an event reached, and which it did not reach."""
        ended, committed = self.now(), _committed(self.event)
        counted = figures(outcome)
        took = {"duration_ms": _milliseconds(ended - self.began)}
        if committed is not None:
            took["record_age_ms"] = _milliseconds(ended - committed)
        since = self.began if committed is None else committed
        took_each = {one: _milliseconds(at - since) for one, at in outcome.delivered.items()}
        if self.named and 0 < len(took_each) <= NAMED_UP_TO:
            more["deliveries"] = took_each
        # A metric of 0 costs money and changes no sum.
        metrics = [*(name for name in _METRICS if counted[name]), *(took if counted["audience"] else ())]
        websocket_log.info(
            "[WebSocket] Broadcasted %s to %d client(s) for session %d",
            self.event.type,
            len(outcome.delivered),
            self.event.session_id,
            extra=_fields(self.event, "posted", **counted, **took, **more, metrics=metrics),
        )
        if self.named and len(took_each) > NAMED_UP_TO:
            self._log_each(took_each)
        _log_failures(self.event, outcome)

    def _log_each(self, took_each: dict[str, int]) -> None:
        items = list(took_each.items())
        for start in range(0, len(items), IDS_PER_LINE):
            some = dict(items[start : start + IDS_PER_LINE])
            extra = _fields(self.event, "each", deliveries=some)
            websocket_log.debug("an event was delivered to these connections", extra=extra)


def _fields(event: Event, stage: str, **more: Any) -> dict[str, Any]:
    return {**event_fields(event), "stage": stage, **more}


def _broadcasted(event: Event, extra: dict[str, Any]) -> None:
    sessions_log.info(
        "[Sessions] Broadcasted %s event for session %d", event.type, event.session_id, extra=extra
    )


def _log_failures(event: Event, outcome: Outcome) -> None:
    for failure in outcome.failed:
        connection_id = failure.recipient.connection_id
        why = {"status": failure.status, "reason": failure.reason}
        extra = _fields(event, "failed", connection_id=connection_id, **why)
        websocket_log.error("an event could not be delivered to a connection", extra=extra)
    for recipient in outcome.gone:
        extra = _fields(event, "gone", connection_id=recipient.connection_id)
        websocket_log.info("a connection is gone and is removed", extra=extra)


def _committed(event: Event) -> float | None:
    """Return an event's own timestamp in Unix seconds; the stream's record has no milliseconds."""
    try:
        return datetime.fromisoformat(envelope_timestamp(event) or "").timestamp()
    except ValueError:
        return None  # a log line must not fail a delivery


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)

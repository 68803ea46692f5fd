"""The trail that an event leaves in the logs: a line at each hop, with the same fields at all of them.

``python -m infra trace`` follows it by ``event`` and ``cursor``, and tells the hops by ``hop``. What is said
of whom, and what it would cost to say more, is in docs/decisions/0105-what-is-logged.md. Leaves ids of
requests and invocations to ``logs``, which puts them into every line.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost
from chalicelib.connections.ports import Settled
from chalicelib.nights.event_fields import envelope_timestamp, event_fields
from chalicelib.nights.events import Event, LoggedEvent

EACH_UP_TO = 50
"""The largest audience of which a line says when each connection had the event: 30 bytes for each of them."""

IDS_PER_LINE = 200

_COUNTS = ("audience", "delivered", "gone", "refused", "failed", "retried")

logger = logging.getLogger(__name__)
sessions_log = logging.getLogger("Sessions")
websocket_log = logging.getLogger("WebSocket")


def received(record: LoggedEvent) -> None:
    """Say that an event came from the table's stream."""
    logger.info(
        "an event came from the stream",
        extra={**event_fields(record.event), "hop": "received", "stream_record": record.sequence_number},
    )


def queued(event: Event, jobs: int) -> None:
    """Say that jobs will deliver an event."""
    _broadcasted(event, {"hop": "queued", "jobs": jobs})


def fell_behind(event: Event, failed: Sequence[FailedPost]) -> None:
    """Say that jobs of their own will catch up with those that an event did not reach."""
    for failure in failed:
        logger.info(
            "a connection lags; a job will catch up with it",
            extra={
                **event_fields(event),
                "hop": "fell_behind",
                "connection_id": failure.recipient.connection_id,
            },
        )


def figures(report: DeliveryReport) -> dict[str, int]:
    """Return a report in numbers."""
    return {
        "audience": report.audience,
        "delivered": report.delivered,
        "gone": len(report.gone),
        "refused": len(report.refused),
        "failed": len(report.failed),
        "lapsed": len(report.lapsed),
        "retried": report.retried,
    }


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """What is logged of deliveries. ``now`` gives Unix seconds.

    ``each``: every connection is named, however many there are (LOG_LEVEL=DEBUG).
    """

    now: Callable[[], float] = time.time
    each: bool = False

    def begin(self, event: Event, audience: int | None = None) -> "Witness":
        """Watch a delivery, to an audience of a size that may not be known yet."""
        named = self.each or (audience is not None and audience <= EACH_UP_TO)
        return Witness(event, self.now, self.now(), named=named)

    def caught_up(self, event: Event, connection_id: str, report: DeliveryReport) -> None:
        """Say what became of an event that a connection had missed, and that was replayed to it."""
        logger.info(
            "an event that a connection had missed was replayed to it",
            extra={
                **event_fields(event),
                **figures(report),
                "hop": "caught_up",
                "connection_id": connection_id,
                # Neither its age nor its audience: they would be taken for those of a delivery.
                "metrics": [name for name in _COUNTS[1:] if figures(report)[name]],
            },
        )
        _tell_failures(event, report)


@dataclass(slots=True)
class Witness:
    """One delivery as the log will have it, from ``began`` (Unix seconds) on."""

    event: Event
    now: Callable[[], float]
    began: float
    named: bool
    _settled: dict[str, float] = field(default_factory=dict)

    def settled(self, also: Settled | None = None) -> Settled | None:
        """Return what ``push`` is to tell of whoever is settled; ``also`` is told too."""
        if not self.named:
            return also

        def note(recipient: Recipient) -> None:
            self._settled[recipient.connection_id] = self.now()
            if also is not None:
                also(recipient)

        return note

    def broadcasted(self, report: DeliveryReport) -> None:
        """Say that an event was posted to all of its audience."""
        _broadcasted(self.event, {"hop": "broadcast", **figures(report)})
        self.posted(report)

    def posted(self, report: DeliveryReport, **more: Any) -> None:
        """Say how many an event reached, and whom it did not."""
        ended = self.now()
        committed = _committed(self.event)
        counted = figures(report)
        took = {"duration_ms": _milliseconds(ended - self.began)}
        if committed is not None:
            took["record_age_ms"] = _milliseconds(ended - committed)
        reached = self._reached(report, self.began if committed is None else committed)
        if reached and len(reached) <= EACH_UP_TO:
            more["deliveries"] = reached
        websocket_log.info(
            "[WebSocket] Broadcasted %s to %d client(s) for session %d",
            self.event.type,
            report.delivered,
            self.event.session_id,
            extra={
                **event_fields(self.event),
                **counted,
                **took,
                **more,
                "hop": "posted",
                # A count of nothing is no metric: it would be paid for and changes no sum.
                "metrics": [*(name for name in _COUNTS if counted[name]), *(took if report.audience else ())],
            },
        )
        if len(reached) > EACH_UP_TO:
            self._tell_each(reached)
        _tell_failures(self.event, report)

    def _reached(self, report: DeliveryReport, since: float) -> dict[str, int]:
        others = {one.connection_id for one in (*report.gone, *report.lapsed)}
        others |= {one.recipient.connection_id for one in (*report.refused, *report.failed)}
        return {
            connection_id: _milliseconds(at - since)
            for connection_id, at in self._settled.items()
            if connection_id not in others
        }

    def _tell_each(self, reached: dict[str, int]) -> None:
        ids = list(reached)
        for start in range(0, len(ids), IDS_PER_LINE):
            some = {one: reached[one] for one in ids[start : start + IDS_PER_LINE]}
            websocket_log.debug(
                "an event was delivered to these connections",
                extra={**event_fields(self.event), "hop": "each", "deliveries": some},
            )


def _broadcasted(event: Event, extra: dict[str, Any]) -> None:
    sessions_log.info(
        "[Sessions] Broadcasted %s event for session %d",
        event.type,
        event.session_id,
        extra={**event_fields(event), **extra},
    )


def _tell_failures(event: Event, report: DeliveryReport) -> None:
    for hop, failures in (("refused", report.refused), ("failed", report.failed)):
        for failure in failures:
            websocket_log.error(
                "an event could not be delivered to a connection",
                extra={
                    **event_fields(event),
                    "hop": hop,
                    "connection_id": failure.recipient.connection_id,
                    "status": failure.status,
                    "reason": failure.reason,
                },
            )
    for recipient in report.gone:
        websocket_log.info(
            "a connection is gone and will be forgotten",
            extra={**event_fields(event), "hop": "gone", "connection_id": recipient.connection_id},
        )


def _committed(event: Event) -> float | None:
    """Return when an event was made, in Unix seconds: milliseconds before it was committed.

    Its own timestamp, since that of the stream's record is rounded down to a second.
    """
    try:
        return datetime.fromisoformat(envelope_timestamp(event) or "").timestamp()
    except ValueError:
        return None  # no line of a log is worth a delivery that fails


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)

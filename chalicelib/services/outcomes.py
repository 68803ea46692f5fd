"""What became of a delivery: the log lines that the seed documents, and the removal of whoever is gone."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.domain.connections import Recipient
from chalicelib.domain.delivery import DeliveryReport
from chalicelib.domain.events import Event
from chalicelib.services.ports import ConnectionStore

logger = logging.getLogger(__name__)
sessions_log = logging.getLogger("Sessions")
websocket_log = logging.getLogger("WebSocket")


async def forget(connections: ConnectionStore, gone: Iterable[Recipient]) -> None:
    """Remove every trace of those that are gone; what can't be removed now is found gone again."""
    removals = (asyncio.to_thread(connections.remove, recipient.connection_id) for recipient in gone)
    for outcome in await asyncio.gather(*removals, return_exceptions=True):
        if isinstance(outcome, BaseException):
            logger.warning("a connection that is gone could not be removed yet", exc_info=outcome)


def log_event(event: Event, extra: Mapping[str, Any]) -> None:
    """Say that an event is delivered, by this worker or by jobs."""
    sessions_log.info(
        "[Sessions] Broadcasted %s event for session %d",
        event.type,
        event.session_id,
        extra={**_named(event), **extra},
    )


def log_posts(event: Event, report: DeliveryReport, **extra: Any) -> None:
    """Say how many an event reached, and whom it did not."""
    websocket_log.info(
        "[WebSocket] Broadcasted %s to %d client(s) for session %d",
        event.type,
        report.delivered,
        event.session_id,
        extra={**_named(event), **figures(report), **extra},
    )
    for failure in (*report.refused, *report.failed):
        websocket_log.error(
            "an event could not be delivered to a connection",
            extra={
                "event_type": event.type,
                "session_id": event.session_id,
                "connection_id": failure.recipient.connection_id,
                "status": failure.status,
                "reason": failure.reason,
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
        "retried": report.retried,
    }


def _named(event: Event) -> dict[str, Any]:
    return {
        "event_type": event.type,
        "session_id": event.session_id,
        "sequence": event.cursor.sequence,
    }

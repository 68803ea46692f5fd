"""Appends events to the log in the sessions table, in the change's transaction, and reads them."""

import logging
from collections.abc import Callable, Sequence

from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors
from chalicelib.aws.dynamodb.keys import LAST_EVENT, event_key, sequence_of, stream_key
from chalicelib.aws.dynamodb.tables import EventItem
from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType, committed_together

logger = logging.getLogger(__name__)


class DynamoEventLog:
    """``nights.ports.EventLog`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._now = now
        self._event = table.bind(EventItem)

    def events(self, stream: str, after: int, limit: int) -> Sequence[Event]:
        """See the port."""
        with translate_errors():
            items = self._event.query(
                stream_key(stream),
                self._event.SK.between(event_key(after + 1), LAST_EVENT),
                consistent_read=True,
                limit=limit,
            )
            kept = [item for item in items if not item.expired(self._now())]
        events = [event for item in kept for event in _events_of(stream, item) if event.sequence > after]
        return events[:limit]

    def append_with(self, write: TransactWrite, events: Sequence[Event]) -> None:
        """Add events of one stream to the transaction of their change.

        They are one item, so the table's stream delivers them together and in order.
        """
        if not events:
            return
        last = events[-1]
        item = self._event(
            stream_key(last.stream),
            event_key(last.sequence),
            type=last.type,
            envelope="\n".join(event.envelope for event in events),
            epoch=last.cursor.epoch,
            expires_at=int(self._now()) + EVENT_RETENTION_SECONDS,
        )
        write.save(item, condition=self._event.PK.does_not_exist())


def _events_of(stream: str, item: EventItem) -> list[Event]:
    """Return the events of an item of a stream's log, oldest first; none if it can't be read.

    A reader then sees a gap, as for expired events, and reports it.
    """
    try:
        last = Cursor(item.epoch, sequence_of(item.SK))
        return committed_together(stream, EventType(item.type), item.envelope, last)
    except ValueError:
        logger.exception("an event in the log can't be read", extra={"keys": [item.PK, item.SK]})
        return []

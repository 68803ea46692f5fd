"""The log of events in the sessions table: appended to with the change, read by replay and polling."""

from collections.abc import Callable, Sequence

from pynamodb.transactions import TransactWrite

from chalicelib.domain.cursors import Cursor
from chalicelib.domain.events import Event, EventType
from chalicelib.domain.limits import EVENT_RETENTION_SECONDS
from chalicelib.storage.failures import translated
from chalicelib.storage.keys import event_key, session_key
from chalicelib.storage.tables import EventItem, Table

LAST_EVENT = "event#9999999999"


class DynamoEventLog:
    """``services.ports.EventLog`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._now = now
        self._event = table.bind(EventItem)

    def events(self, session_id: int, after: int, limit: int) -> Sequence[Event]:
        """See the port."""
        with translated():
            items = self._event.query(
                session_key(session_id),
                self._event.SK.between(event_key(after + 1), LAST_EVENT),
                consistent_read=True,
                limit=limit,
            )
            return [event_of(item) for item in items if item.expires_at > self._now()]

    def starts(self, after: int, limit: int) -> Sequence[Event]:
        """See the port."""
        keys = [(session_key(number), event_key(1)) for number in range(after + 1, after + limit + 1)]
        with translated():
            items = self._event.batch_get(keys, consistent_read=True)
            kept = [event_of(item) for item in items if item.expires_at > self._now()]
        return sorted(kept, key=lambda event: event.session_id)

    def append_with(self, write: TransactWrite, events: Sequence[Event]) -> None:
        """Add events to the transaction of the change that they speak of."""
        for event in events:
            write.save(self._item(event), condition=self._event.PK.does_not_exist())

    def _item(self, event: Event) -> EventItem:
        sessions_cursor = event.sessions_cursor
        return self._event(
            session_key(event.session_id),
            event_key(event.cursor.sequence),
            type=event.type,
            envelope=event.envelope,
            epoch=event.cursor.epoch,
            sessions_epoch=sessions_cursor.epoch if sessions_cursor else None,
            expires_at=int(self._now()) + EVENT_RETENTION_SECONDS,
        )


def event_of(item: EventItem) -> Event:
    """Return the event that an item of the log holds."""
    session_id = int(item.PK.removeprefix("session#"))
    return Event(
        session_id=session_id,
        type=EventType(item.type),
        envelope=item.envelope,
        cursor=Cursor(item.epoch, int(item.SK.removeprefix("event#"))),
        sessions_cursor=Cursor(item.sessions_epoch, session_id) if item.sessions_epoch else None,
    )

"""The log of events in the sessions table: appended to with the change, read by replay and polling."""

from collections.abc import Callable, Sequence

from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.errors import translated
from chalicelib.aws.dynamodb.keys import LAST_EVENT, event_key, session_key
from chalicelib.aws.dynamodb.tables import EventItem, Table
from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.counting import LeftBallot
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType, logged_together


class DynamoEventLog:
    """``nights.ports.EventLog`` on DynamoDB. ``now`` returns Unix seconds."""

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
            kept = [item for item in items if item.expires_at > self._now()]
        events = [event for item in kept for event in events_of(item) if event.cursor.sequence > after]
        return events[:limit]

    def starts(self, after: int, limit: int) -> Sequence[Event]:
        """See the port."""
        keys = [(session_key(number), event_key(1)) for number in range(after + 1, after + limit + 1)]
        with translated():
            items = self._event.batch_get(keys, consistent_read=True)
            kept = [item for item in items if item.expires_at > self._now()]
        return sorted((events_of(item)[0] for item in kept), key=lambda event: event.session_id)

    def append_with(
        self, write: TransactWrite, events: Sequence[Event], ballots: Sequence[LeftBallot] = ()
    ) -> None:
        """Add events to the transaction of the change that they speak of.

        They are one item, so that the table's stream hands them over together and in order.
        """
        if not events:
            return
        last = events[-1]
        sessions_cursor = last.sessions_cursor
        item = self._event(
            session_key(last.session_id),
            event_key(last.cursor.sequence),
            type=last.type,
            envelope="\n".join(event.envelope for event in events),
            ballots=[left.id for left in ballots] or None,
            epoch=last.cursor.epoch,
            sessions_epoch=sessions_cursor.epoch if sessions_cursor else None,
            expires_at=int(self._now()) + EVENT_RETENTION_SECONDS,
        )
        write.save(item, condition=self._event.PK.does_not_exist())


def events_of(item: EventItem) -> list[Event]:
    """Return the events that an item of the log holds, oldest first."""
    session_id = int(item.PK.removeprefix("session#"))
    return logged_together(
        session_id,
        EventType(item.type),
        item.envelope,
        Cursor(item.epoch, int(item.SK.removeprefix("event#"))),
        Cursor(item.sessions_epoch, session_id) if item.sessions_epoch else None,
    )

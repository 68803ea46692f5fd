"""The sessions table: sessions, their event logs and idempotency keys.

The only place that knows its keys. Leaves the rules to ``domain`` and races to ``services``.
"""

import secrets
from collections.abc import Callable
from urllib.parse import quote

from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.domain.events import Event
from chalicelib.domain.idempotency import RETENTION_SECONDS, IdempotentRequest, RecordedAnswer
from chalicelib.domain.sessions import Session, StreamHead
from chalicelib.services.ports import Record, StreamMoved
from chalicelib.storage.failures import condition_failed, lost_race, translated
from chalicelib.storage.tables import (
    ActiveSessionItem,
    EventItem,
    IdempotencyItem,
    SessionItem,
    StreamHeadItem,
    Table,
    TableAddress,
)

EVENT_RETENTION_SECONDS = 90 * 24 * 60 * 60
"""How long the log can be replayed: a season of game nights."""


class DynamoSessionStore:
    """``services.ports.SessionStore`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, address: TableAddress, now: Callable[[], float]) -> None:
        self._now = now
        self._table = Table(address)
        self._stream_head = self._table.bind(StreamHeadItem)
        self._active = self._table.bind(ActiveSessionItem)
        self._session = self._table.bind(SessionItem)
        self._event = self._table.bind(EventItem)
        self._idempotency = self._table.bind(IdempotencyItem)

    def head(self) -> StreamHead:
        """See the port."""
        with translated():
            try:
                item = self._stream_head.get("sessions", "head", consistent_read=True)
            except self._stream_head.DoesNotExist:
                return self._first_head()
        return StreamHead(item.epoch, int(item.sequence))

    def start(self, head: StreamHead, session: Session, event: Event, record: Record | None) -> None:
        """See the port."""
        partition = session_key(session.id)
        with translated():
            try:
                with self._table.transaction() as write:
                    write.update(
                        self._stream_head("sessions", "head"),
                        actions=[self._stream_head.sequence.set(session.id)],
                        condition=(self._stream_head.epoch == head.epoch)
                        & (self._stream_head.sequence == head.sequence),
                    )
                    write.save(
                        self._session(
                            partition,
                            "head",
                            epoch=session.epoch,
                            sequence=session.sequence,
                            created_at=session.created_at,
                            notes=session.notes,
                            is_active=session.is_active,
                        ),
                        condition=self._session.PK.does_not_exist(),
                    )
                    write.save(self._active("sessions", f"active#{session.id:010}"))
                    write.save(self._event_item(event), condition=self._event.PK.does_not_exist())
                    if record is not None:
                        self._record(write, record)
            except TransactWriteError as error:
                if lost_race(error):
                    raise StreamMoved from error
                raise

    def session(self, session_id: int) -> Session | None:
        """See the port."""
        with translated():
            try:
                item = self._session.get(session_key(session_id), "head", consistent_read=True)
            except self._session.DoesNotExist:
                return None
        return Session(
            id=session_id,
            epoch=item.epoch,
            sequence=int(item.sequence),
            created_at=item.created_at,
            notes=item.notes,
            is_active=item.is_active,
        )

    def recorded_answer(self, request: IdempotentRequest) -> RecordedAnswer | None:
        """See the port."""
        with translated():
            try:
                item = self._idempotency.get(idempotency_key(request), "head", consistent_read=True)
            except self._idempotency.DoesNotExist:
                return None
        if item.expires_at <= self._now():
            return None
        return RecordedAnswer(item.request_hash, item.answer)

    def _first_head(self) -> StreamHead:
        first = self._stream_head("sessions", "head", epoch=secrets.token_hex(4), sequence=0)
        try:
            first.save(condition=self._stream_head.PK.does_not_exist())
        except PutError as error:
            if not condition_failed(error):
                raise
            first.refresh(consistent_read=True)
        return StreamHead(first.epoch, int(first.sequence))

    def _event_item(self, event: Event) -> EventItem:
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

    def _record(self, write: TransactWrite, record: Record) -> None:
        item = self._idempotency
        write.save(
            item(
                idempotency_key(record.request),
                "head",
                request_hash=record.request.request_hash,
                answer=record.answer,
                expires_at=int(self._now()) + RETENTION_SECONDS,
            ),
            # TTL deletes within days, so an expired record may still be there.
            condition=item.PK.does_not_exist() | (item.expires_at <= int(self._now())),
        )


def session_key(session_id: int) -> str:
    """Return the partition of a session."""
    return f"session#{session_id}"


def event_key(sequence: int) -> str:
    """Return the sort key of an event; the zeros make text order and number order the same."""
    return f"event#{sequence:010}"


def idempotency_key(request: IdempotentRequest) -> str:
    """Return the partition of an idempotency key. The subject is quoted: it can't reach into the key."""
    return f"idempotency#{quote(request.subject, safe='')}#{request.key}"

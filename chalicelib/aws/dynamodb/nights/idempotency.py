"""Stores idempotency keys in the sessions table: an answer is recorded in its change's transaction."""

from collections.abc import Callable

from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors
from chalicelib.aws.dynamodb.keys import HEAD, idempotency_key
from chalicelib.aws.dynamodb.tables import IdempotencyItem
from chalicelib.idempotency import (
    RETENTION_SECONDS,
    IdempotentRequest,
    Record,
    RecordedAnswer,
    VersionConflict,
)
from chalicelib.retry import ConditionFailed


class DynamoAnswerStore:
    """``nights.ports.AnswerStore`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._now = now
        self._answer = table.bind(IdempotencyItem)

    def recorded_answer(self, request: IdempotentRequest) -> RecordedAnswer | None:
        """See the port."""
        with translate_errors():
            item = self._answer.find_unexpired(idempotency_key(request), HEAD, self._now())
        return RecordedAnswer(item.request_hash, item.answer) if item else None

    def record(self, record: Record) -> None:
        """See the port."""
        try:
            with translate_errors():
                self._item(record).save(condition=self._unused())
        except ConditionFailed as error:
            raise VersionConflict from error

    def record_with(self, write: TransactWrite, record: Record) -> None:
        """Add the record to the transaction of the change. It fails if the key is in use."""
        write.save(self._item(record), condition=self._unused())

    def _item(self, record: Record) -> IdempotencyItem:
        return self._answer(
            idempotency_key(record.request),
            HEAD,
            request_hash=record.request.request_hash,
            answer=record.answer,
            expires_at=int(self._now()) + RETENTION_SECONDS,
        )

    def _unused(self) -> Condition:
        # TTL deletes within days, so an expired record may still exist.
        unused: Condition = self._answer.PK.does_not_exist() | (self._answer.expires_at <= int(self._now()))
        return unused

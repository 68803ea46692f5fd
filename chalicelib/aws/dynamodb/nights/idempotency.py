"""Idempotency keys in the sessions table, so that an answer is recorded with the change it speaks of."""

from collections.abc import Callable, Collection, Sequence

from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.errors import condition_failed, translated
from chalicelib.aws.dynamodb.keys import HEAD, idempotency_key
from chalicelib.aws.dynamodb.tables import IdempotencyItem, Table
from chalicelib.idempotency import RETENTION_SECONDS, IdempotentRequest, Record, RecordedAnswer, StreamMoved


class DynamoAnswerStore:
    """``nights.ports.AnswerStore`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._now = now
        self._answer = table.bind(IdempotencyItem)

    def recorded_answer(self, request: IdempotentRequest) -> RecordedAnswer | None:
        """See the port."""
        with translated():
            try:
                item = self._answer.get(idempotency_key(request), HEAD, consistent_read=True)
            except self._answer.DoesNotExist:
                return None
        if item.expires_at <= self._now():
            return None
        return RecordedAnswer(item.request_hash, item.answer)

    def answered(self, requests: Sequence[IdempotentRequest]) -> Collection[tuple[str, str]]:
        """See the port."""
        names = {idempotency_key(request): request.name for request in requests}
        if not names:
            return set()
        with translated():
            items = self._answer.batch_get([(key, HEAD) for key in names], consistent_read=True)
            return {names[item.PK] for item in items if item.expires_at > self._now()}

    def record(self, record: Record) -> None:
        """See the port."""
        with translated():
            try:
                self._item(record).save(condition=self._unused())
            except PutError as error:
                if condition_failed(error):
                    raise StreamMoved from error
                raise

    def record_with(self, write: TransactWrite, record: Record) -> None:
        """Add the record to the transaction of the change; the whole fails where the key is in use."""
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
        # TTL deletes within days, so an expired record may still be there.
        unused: Condition = self._answer.PK.does_not_exist() | (self._answer.expires_at <= int(self._now()))
        return unused

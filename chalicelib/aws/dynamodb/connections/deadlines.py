"""Reads the deadlines of a minute for the sweep, and moves those that it has handled."""

from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from chalicelib.aws.dynamodb.connections.heads import Heads, same_revision
from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors
from chalicelib.aws.dynamodb.keys import HEAD, SWEPT, connection_key, deadline_key
from chalicelib.aws.dynamodb.tables import DeadlineItem, SweptItem
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import DeadlinePage, ExpiredDeadline
from chalicelib.retry import ConditionFailed

PAGE_SIZE = 500
"""Deadlines in a page: about 60 KB."""


class DynamoDeadlineStore:
    """``connections.ports.DeadlineStore`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, shards: int, now: Callable[[], float]) -> None:
        self._now = now
        self._table = table
        self._heads = Heads(table, shards)
        self._swept = table.bind(SweptItem)

    def swept_to(self) -> int | None:
        """See the port."""
        with translate_errors():
            item = self._swept.find(SWEPT, HEAD)
        return int(item.minute) if item else None

    def mark_swept(self, minute: int) -> None:
        """See the port."""
        noted = self._swept.minute
        newer = noted.does_not_exist() | (noted < minute)
        with suppress(ConditionFailed), translate_errors():
            self._swept(SWEPT, HEAD).update(actions=[noted.set(minute)], condition=newer)

    def page(self, minute: int, shard: int, until: int, after: str | None = None) -> DeadlinePage:
        """See the port."""
        partition = deadline_key(minute, shard)
        start = {"PK": {"S": partition}, "SK": {"S": after}} if after is not None else None
        with translate_errors():
            found = self._heads.row.query(
                partition,
                consistent_read=True,
                limit=PAGE_SIZE,
                page_size=PAGE_SIZE,
                last_evaluated_key=start,
            )
            rows = [*found]
            last = found.last_evaluated_key
        return DeadlinePage(
            [_reached(row) for row in rows if row.at <= until and not row.expired(self._now())],
            last["SK"]["S"] if last else None,
        )

    def drop(self, reached: ExpiredDeadline) -> None:
        """See the port."""
        with suppress(ConditionFailed), translate_errors():
            same = self._heads.row.revision == reached.revision
            self._heads.remove_row(reached.connection_id, reached.deadline, same)

    def claim(self, connection: Connection, now: int) -> Connection | None:
        """See the port."""
        head, revision = self._heads.item, connection.revision + 1
        with suppress(ConditionFailed), translate_errors():
            head(connection_key(connection.connection_id), HEAD).update(
                actions=[head.closing_since.set(now), head.revision.set(revision)],
                condition=same_revision(head, connection),
            )
            return replace(connection, closing_since=now, revision=revision)
        return None

    def move(
        self, connection: Connection, deadline: Deadline, notified: frozenset[DeadlineKind]
    ) -> Connection | None:
        """See the port."""
        moved = replace(connection, deadline=deadline, notified=notified, revision=connection.revision + 1)
        with suppress(ConditionFailed), translate_errors():
            with self._table.transaction() as write:
                self._heads.change(write, connection, moved, same_revision(self._heads.item, connection))
            return moved
        return None


def _reached(row: DeadlineItem) -> ExpiredDeadline:
    kind, _, connection_id = row.SK.partition("#")
    return ExpiredDeadline(connection_id, Deadline(int(row.at), DeadlineKind(kind)), int(row.revision))

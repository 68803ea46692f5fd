"""Reading the deadlines of a minute, and what the sweep writes.

``connections`` is what puts deadlines; the rows themselves are in ``deadline_rows``.
"""

from dataclasses import replace

from pynamodb.exceptions import DeleteError, TransactWriteError, UpdateError

from chalicelib.aws.dynamodb.connections.deadline_rows import DeadlineRows
from chalicelib.aws.dynamodb.connections.heads import same_revision, told_items
from chalicelib.aws.dynamodb.errors import condition_failed, lost_race, translated
from chalicelib.aws.dynamodb.keys import HEAD, SWEPT, connection_key, deadline_key
from chalicelib.aws.dynamodb.tables import ConnectionItem, DeadlineItem, SweptItem, Table
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import DeadlinePage, Reached

PAGE_SIZE = 500
"""Deadlines in a page: about 60 KB."""


class DynamoDeadlineStore:
    """``connections.ports.DeadlineStore`` on DynamoDB."""

    def __init__(self, table: Table, shards: int) -> None:
        self._table = table
        self._head = table.bind(ConnectionItem)
        self._row = table.bind(DeadlineItem)
        self._swept = table.bind(SweptItem)
        self._rows = DeadlineRows(table, shards)

    def swept_to(self) -> int | None:
        """See the port."""
        with translated():
            try:
                return int(self._swept.get(SWEPT, HEAD, consistent_read=True).minute)
            except self._swept.DoesNotExist:
                return None

    def mark_swept(self, minute: int) -> None:
        """See the port."""
        noted = self._swept.minute
        with translated():
            try:
                self._swept(SWEPT, HEAD).update(
                    actions=[noted.set(minute)], condition=noted.does_not_exist() | (noted < minute)
                )
            except UpdateError as error:
                if not condition_failed(error):
                    raise

    def page(self, minute: int, shard: int, until: int, after: str | None = None) -> DeadlinePage:
        """See the port."""
        partition = deadline_key(minute, shard)
        start = {"PK": {"S": partition}, "SK": {"S": after}} if after is not None else None
        with translated():
            found = self._row.query(
                partition,
                consistent_read=True,
                limit=PAGE_SIZE,
                page_size=PAGE_SIZE,
                last_evaluated_key=start,
            )
            rows = [*found]
            last = found.last_evaluated_key
        return DeadlinePage(
            [_reached(row) for row in rows if row.at <= until], last["SK"]["S"] if last else None
        )

    def drop(self, reached: Reached) -> None:
        """See the port."""
        with translated():
            try:
                self._rows.remove_unless_new(reached.connection_id, reached.deadline, reached.revision)
            except DeleteError as error:
                if not condition_failed(error):
                    raise

    def claim(self, connection: Connection, now: int) -> Connection | None:
        """See the port."""
        head = self._head
        with translated():
            try:
                head(connection_key(connection.connection_id), HEAD).update(
                    actions=[head.closing_since.set(now), head.revision.set(connection.revision + 1)],
                    condition=same_revision(head, connection),
                )
            except UpdateError as error:
                if condition_failed(error):
                    return None
                raise
        return replace(connection, closing_since=now, revision=connection.revision + 1)

    def move(
        self, connection: Connection, deadline: Deadline, told: frozenset[DeadlineKind]
    ) -> Connection | None:
        """See the port."""
        head = self._head
        revision = connection.revision + 1
        with translated():
            try:
                with self._table.transaction() as write:
                    write.update(
                        head(connection_key(connection.connection_id), HEAD),
                        actions=[
                            head.deadline_at.set(deadline.at),
                            head.deadline_kind.set(deadline.kind.value),
                            head.told.set(told_items(told)),
                            head.revision.set(revision),
                        ],
                        condition=same_revision(head, connection),
                    )
                    self._rows.replace(
                        write, connection.connection_id, connection.deadline, deadline, revision
                    )
            except TransactWriteError as error:
                if lost_race(error):
                    return None
                raise
        return replace(connection, deadline=deadline, told=told, revision=revision)


def _reached(row: DeadlineItem) -> Reached:
    kind, _, connection_id = row.SK.partition("#")
    return Reached(connection_id, Deadline(int(row.at), DeadlineKind(kind)), int(row.revision))

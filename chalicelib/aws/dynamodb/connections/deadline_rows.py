"""The rows of deadlines, as they are put, moved and removed together with their connections.

Leaves reading them to ``deadlines``.
"""

from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.keys import deadline_key
from chalicelib.aws.dynamodb.tables import DeadlineItem, Table
from chalicelib.connections.connection import shard_of
from chalicelib.connections.deadlines import Deadline

RETENTION_SECONDS = 4 * 60 * 60
"""A row that a sweep has not met after so long is behind what any sweep looks back to."""


class DeadlineRows:
    """The rows of one table."""

    def __init__(self, table: Table, shards: int) -> None:
        self._shards = shards
        self._row = table.bind(DeadlineItem)

    def replace(
        self,
        write: TransactWrite,
        connection_id: str,
        before: Deadline | None,
        after: Deadline,
        revision: int,
    ) -> None:
        """Put a connection's deadline in the place of the one that it had, within a transaction."""
        key = self._key(connection_id, after)
        if before is not None and self._key(connection_id, before) != key:
            write.delete(self._row(*self._key(connection_id, before)))
        write.save(self._row(*key, at=after.at, revision=revision, expires_at=after.at + RETENTION_SECONDS))

    def remove(self, connection_id: str, deadline: Deadline) -> None:
        """Remove a connection's deadline."""
        self._row(*self._key(connection_id, deadline)).delete()

    def remove_unless_new(self, connection_id: str, deadline: Deadline, revision: int) -> None:
        """Remove a connection's deadline where it is still the one of a revision. Raises DeleteError."""
        self._row(*self._key(connection_id, deadline)).delete(condition=self._row.revision == revision)

    def _key(self, connection_id: str, deadline: Deadline) -> tuple[str, str]:
        shard = shard_of(connection_id, self._shards)
        return deadline_key(deadline.minute, shard), f"{deadline.kind}#{connection_id}"

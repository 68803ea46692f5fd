"""Writes a connection's head together with its deadline, and reads it.

Each deadline is also a row in the partition of its minute, where the sweep finds it.
"""

from collections.abc import Sequence
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.auth.claims import Role
from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.keys import HEAD, connection_key, deadline_key
from chalicelib.aws.dynamodb.tables import ConnectionItem, DeadlineItem
from chalicelib.connections.connection import Connection, shard_of
from chalicelib.connections.deadlines import Deadline, DeadlineKind

RETENTION_SECONDS = 4 * 60 * 60
"""A row so old is before the oldest minute that any sweep reads."""


class Heads:
    """The heads and deadlines of one table. All methods but ``remove_row`` add to a transaction."""

    def __init__(self, table: Table, shards: int) -> None:
        self._shards = shards
        self.item = table.bind(ConnectionItem)
        self.row = table.bind(DeadlineItem)

    def change(
        self,
        write: TransactWrite,
        before: Connection,
        after: Connection,
        condition: Condition,
        actions: Sequence[Action] = (),
    ) -> None:
        """Change a connection's ``notified``, deadline and revision; ``actions`` change the rest."""
        head, deadline = self.item, after.deadline
        moved = []
        if deadline is not None:
            moved = [head.deadline_at.set(deadline.at), head.deadline_kind.set(deadline.kind.value)]
        notified: Any = sorted(kind.value for kind in after.notified)  # PynamoDB's stubs lack lists of text
        write.update(
            head(connection_key(before.connection_id), HEAD),
            actions=[*actions, *moved, head.notified.set(notified), head.revision.set(after.revision)],
            condition=condition,
        )
        self.put_row(write, after, before.deadline)

    def put_row(self, write: TransactWrite, connection: Connection, before: Deadline | None = None) -> None:
        """Replace a connection's deadline."""
        deadline, connection_id = connection.deadline, connection.connection_id
        if deadline is None:
            return
        key, expires_at = self._key(connection_id, deadline), deadline.at + RETENTION_SECONDS
        if before is not None and self._key(connection_id, before) != key:
            write.delete(self.row(*self._key(connection_id, before)))
        write.save(self.row(*key, at=deadline.at, revision=connection.revision, expires_at=expires_at))

    def remove_row(self, connection_id: str, deadline: Deadline, condition: Condition | None = None) -> None:
        """Remove a connection's deadline."""
        self.row(*self._key(connection_id, deadline)).delete(condition=condition)

    def _key(self, connection_id: str, deadline: Deadline) -> tuple[str, str]:
        shard = shard_of(connection_id, self._shards)
        return deadline_key(deadline.minute, shard), f"{deadline.kind}#{connection_id}"


def connection_of(connection_id: str, item: ConnectionItem) -> Connection:
    """Return the connection of a head."""
    deadline = None
    if item.deadline_at is not None and item.deadline_kind is not None:
        deadline = Deadline(int(item.deadline_at), DeadlineKind(item.deadline_kind))
    values = item.values_of(Connection) | {
        "role": Role(item.role) if item.role else None,
        "notified": frozenset(DeadlineKind(str(kind)) for kind in item.notified or ()),
    }
    return Connection(connection_id, deadline=deadline, **values)


def same_identity(head: type[ConnectionItem], connection: Connection) -> Condition:
    """Require that the connection exists, has the identity that was read, and is not being closed."""
    same: Condition = head.PK.exists() & head.subject.does_not_exist()
    if connection.subject is not None:
        same = (head.subject == connection.subject) & (head.token_expires_at == connection.token_expires_at)
    same &= head.closing_since.does_not_exist()
    return same


def same_revision(head: type[ConnectionItem], connection: Connection) -> Condition:
    """Require that neither the identity nor the deadline has changed since the connection was read."""
    same: Condition = head.revision == connection.revision
    if connection.revision == 0:  # a new head has no revision
        same = head.PK.exists() & (head.revision.does_not_exist() | same)
    return same

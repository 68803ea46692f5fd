"""A connection's head item as the connection that it is, and what has to hold for it to be written.

Leaves writing it to ``connections`` and ``deadlines``.
"""

from collections.abc import Iterable
from typing import Any

from pynamodb.expressions.condition import Condition

from chalicelib.auth.claims import Role
from chalicelib.aws.dynamodb.tables import ConnectionItem
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind


def connection_of(connection_id: str, item: ConnectionItem) -> Connection:
    """Return the connection that a head is."""
    deadline = None
    if item.deadline_at is not None and item.deadline_kind is not None:
        deadline = Deadline(int(item.deadline_at), DeadlineKind(item.deadline_kind))
    return Connection(
        connection_id=connection_id,
        api_id=item.api_id,
        stage=item.stage,
        connected_at=int(item.connected_at),
        source_ip=item.source_ip,
        subject=item.subject,
        role=Role(item.role) if item.role else None,
        token_expires_at=int(item.token_expires_at) if item.token_expires_at else None,
        failed_auths=int(item.failed_auths),
        subscriptions=int(item.subscriptions),
        wants_cursor=item.wants_cursor,
        deadline=deadline,
        told=frozenset(DeadlineKind(str(kind)) for kind in item.told or ()),
        closing_since=int(item.closing_since) if item.closing_since is not None else None,
        revision=int(item.revision),
    )


def told_items(told: Iterable[DeadlineKind]) -> Any:
    """Return what a connection need not be told again as a head holds it; PynamoDB's stubs know no texts."""
    return sorted(kind.value for kind in told)


def same_identity(head: type[ConnectionItem], connection: Connection) -> Condition:
    """Hold only while the connection is there, is who it was when it was read, and is not being closed."""
    same: Condition = head.PK.exists() & head.subject.does_not_exist()
    if connection.subject is not None:
        same = (head.subject == connection.subject) & (head.token_expires_at == connection.token_expires_at)
    same &= head.closing_since.does_not_exist()
    return same


def same_revision(head: type[ConnectionItem], connection: Connection) -> Condition:
    """Hold only while neither its identity nor its deadline has changed since it was read."""
    same: Condition = head.revision == connection.revision
    if connection.revision == 0:  # as a head is first, and as it was before there were revisions
        same = head.PK.exists() & (head.revision.does_not_exist() | same)
    return same

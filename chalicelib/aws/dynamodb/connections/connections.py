"""The connections table: connections, and the audiences that they are in.

Leaves reading an audience to ``audiences``. An audience is a base-table partition for each shard, since a
consistent read is what makes ``auth_success`` a promise and an index can't be read consistently.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pynamodb.exceptions import TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from chalicelib.auth.claims import Claims
from chalicelib.aws.dynamodb.connections.deadline_rows import DeadlineRows
from chalicelib.aws.dynamodb.connections.heads import connection_of, same_identity, same_revision, told_items
from chalicelib.aws.dynamodb.errors import condition_failed, lost_race, translated
from chalicelib.aws.dynamodb.keys import HEAD, audience_key, connection_key
from chalicelib.aws.dynamodb.tables import ConnectionItem, MembershipItem, RecipientItem, Table
from chalicelib.connections.connection import ALL_AUDIENCE, Connection, shard_of
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.ports import ConnectionGone
from chalicelib.errors import TooManySubscriptions
from chalicelib.limits import MAX_SUBSCRIPTIONS


class DynamoConnectionStore:
    """``ports.ConnectionStore`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, shards: int, now: Callable[[], float]) -> None:
        self._shards = shards
        self._now = now
        self._table = table
        self._head = self._table.bind(ConnectionItem)
        self._membership = self._table.bind(MembershipItem)
        self._recipient = self._table.bind(RecipientItem)
        self._deadlines = DeadlineRows(table, shards)

    def add(self, connection: Connection) -> None:
        """See the port."""
        deadline = connection.deadline
        with translated(), self._table.transaction() as write:
            write.save(
                self._head(
                    connection_key(connection.connection_id),
                    HEAD,
                    api_id=connection.api_id,
                    stage=connection.stage,
                    connected_at=connection.connected_at,
                    source_ip=connection.source_ip,
                    deadline_at=deadline.at if deadline else None,
                    deadline_kind=deadline.kind.value if deadline else None,
                    expires_at=connection.connected_at + MAX_CONNECTION_SECONDS,
                )
            )
            if deadline is not None:
                self._deadlines.replace(write, connection.connection_id, None, deadline, connection.revision)

    def get(self, connection_id: str) -> Connection | None:
        """See the port."""
        with translated():
            try:
                item = self._head.get(connection_key(connection_id), HEAD, consistent_read=True)
            except self._head.DoesNotExist:
                return None
        return connection_of(connection_id, item)

    def authenticate(
        self,
        connection: Connection,
        claims: Claims,
        *,
        wants_cursor: bool,
        deadline: Deadline | None = None,
    ) -> None:
        """See the port."""
        head = self._head
        known = connection.identified(claims, wants_cursor=wants_cursor)
        revision = connection.revision + 1
        with translated():
            renewed = self._subscriptions(connection) if connection.authenticated else []
            with self._transaction() as write:
                write.update(
                    head(connection_key(connection.connection_id), HEAD),
                    actions=[
                        head.subject.set(claims.subject),
                        head.role.set(claims.role.value),
                        head.token_expires_at.set(claims.expires_at),
                        head.failed_auths.set(0),
                        head.wants_cursor.set(known.wants_cursor),
                        head.told.set(told_items(known.told)),
                        head.revision.set(revision),
                        *(
                            [head.deadline_at.set(deadline.at), head.deadline_kind.set(deadline.kind.value)]
                            if deadline
                            else []
                        ),
                    ],
                    condition=same_identity(head, connection) & same_revision(head, connection),
                )
                if deadline is not None:
                    self._deadlines.replace(
                        write, connection.connection_id, connection.deadline, deadline, revision
                    )
                self._put(write, connection, ALL_AUDIENCE, claims.expires_at, wants_cursor=wants_cursor)
                for audience in renewed:
                    self._renew(write, connection.connection_id, audience, claims.expires_at)
            if connection.authenticated:
                # Nobody can join with the old token any more. Whoever did after the first look is found now.
                late = {*self._subscriptions(connection)} - {*renewed}
                if late:
                    with self._transaction() as write:
                        for audience in late:
                            self._renew(write, connection.connection_id, audience, claims.expires_at)

    def count_failed_auth(self, connection_id: str) -> int:
        """See the port."""
        item = self._head(connection_key(connection_id), HEAD)
        with translated():
            try:
                item.update(
                    actions=[self._head.failed_auths.add(1)],
                    condition=self._head.PK.exists(),
                )
            except UpdateError as error:
                if condition_failed(error):
                    raise ConnectionGone from error
                raise
        return int(item.failed_auths)

    def join(self, connection: Connection, audience: str, *, wants_cursor: bool) -> None:
        """See the port."""
        key = connection_key(connection.connection_id)
        unchanged = same_identity(self._head, connection)
        with translated():
            member = self._is_member(connection.connection_id, audience)
            if not member and connection.subscriptions >= MAX_SUBSCRIPTIONS:
                raise TooManySubscriptions
            with self._transaction() as write:
                if member:
                    write.condition_check(self._head, key, HEAD, condition=unchanged)
                else:
                    # Counted with the head, since who joins at the same time is counted there too.
                    counted = self._head.subscriptions
                    write.update(
                        self._head(key, HEAD),
                        actions=[counted.add(1)],
                        condition=unchanged & (counted.does_not_exist() | (counted < MAX_SUBSCRIPTIONS)),
                    )
                expires_at = connection.token_expires_at or 0
                self._put(write, connection, audience, expires_at, wants_cursor=wants_cursor, member=member)

    def leave(self, connection_id: str, audience: str) -> None:
        """See the port."""
        with translated():
            if not self._is_member(connection_id, audience):
                return
            with self._transaction() as write:
                write.update(
                    self._head(connection_key(connection_id), HEAD),
                    actions=[self._head.subscriptions.add(-1)],
                    condition=self._head.PK.exists(),
                )
                self._delete(write, connection_id, audience, condition=self._membership.PK.exists())

    def remove(self, connection_id: str) -> None:
        """See the port."""
        partition = connection_key(connection_id)
        with translated():
            # The head goes first: whoever joins later finds it missing, and whoever joined before is
            # in the list that is read next.
            head = self._table.take(partition, HEAD)
            if "deadline_at" in head:
                kind = DeadlineKind(head["deadline_kind"]["S"])
                self._deadlines.remove(connection_id, Deadline(int(head["deadline_at"]["N"]), kind))
            for membership in self._membership.query(
                partition, self._membership.SK.startswith("audience#"), consistent_read=True
            ):
                with self._table.transaction() as write:
                    self._delete(write, connection_id, membership.SK.removeprefix("audience#"))

    @contextmanager
    def _transaction(self) -> Iterator[TransactWrite]:
        try:
            with self._table.transaction() as write:
                yield write
        except TransactWriteError as error:
            if lost_race(error):
                raise ConnectionGone from error
            raise

    def _subscriptions(self, connection: Connection) -> list[str]:
        memberships = self._membership.query(
            connection_key(connection.connection_id),
            self._membership.SK.startswith("audience#"),
            consistent_read=True,
        )
        audiences = [membership.SK.removeprefix("audience#") for membership in memberships]
        return [audience for audience in audiences if audience != ALL_AUDIENCE]

    def _is_member(self, connection_id: str, audience: str) -> bool:
        try:
            self._membership.get(*_membership_key(connection_id, audience), consistent_read=True)
        except self._membership.DoesNotExist:
            return False
        return True

    def _put(  # noqa: PLR0913 - a row has that much in it
        self,
        write: TransactWrite,
        connection: Connection,
        audience: str,
        token_expires_at: int,
        *,
        wants_cursor: bool,
        member: bool | None = None,
    ) -> None:
        """Put a connection into an audience; ``member`` says, where it matters, whether it is there now."""
        expires_at = connection.connected_at + MAX_CONNECTION_SECONDS
        row, membership = self._recipient, self._membership
        there = {None: None, True: membership.PK.exists(), False: membership.PK.does_not_exist()}[member]
        write.update(
            row(*self._recipient_key(connection.connection_id, audience)),
            actions=[
                row.api_id.set(connection.api_id),
                row.stage.set(connection.stage),
                row.token_expires_at.set(token_expires_at),
                # Who has opted in to resume stays so.
                row.wants_cursor.set(True if wants_cursor else row.wants_cursor | False),
                row.expires_at.set(expires_at),
            ],
        )
        write.save(
            membership(*_membership_key(connection.connection_id, audience), expires_at=expires_at),
            condition=there,
        )

    def _renew(self, write: TransactWrite, connection_id: str, audience: str, token_expires_at: int) -> None:
        row = self._recipient
        write.update(
            row(*self._recipient_key(connection_id, audience)),
            actions=[row.token_expires_at.set(token_expires_at)],
            condition=row.PK.exists(),
        )

    def _delete(
        self, write: TransactWrite, connection_id: str, audience: str, condition: Condition | None = None
    ) -> None:
        write.delete(self._recipient(*self._recipient_key(connection_id, audience)))
        write.delete(self._membership(*_membership_key(connection_id, audience)), condition=condition)

    def _recipient_key(self, connection_id: str, audience: str) -> tuple[str, str]:
        return audience_key(audience, shard_of(connection_id, self._shards)), connection_id


def _membership_key(connection_id: str, audience: str) -> tuple[str, str]:
    return connection_key(connection_id), f"audience#{audience}"

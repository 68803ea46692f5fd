"""Stores connections, and the audiences that they are in, in the connections table.

An audience is one partition of the table for each shard. After ``auth_success`` no event may be missed, so
reads must be consistent, and an index can't be read consistently.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import replace
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.auth.claims import Claims
from chalicelib.aws.dynamodb.connections.heads import Heads, connection_of, same_identity, same_revision
from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors
from chalicelib.aws.dynamodb.keys import HEAD, audience_key, connection_key, revoked_key, subject_key
from chalicelib.aws.dynamodb.tables import MembershipItem, RecipientItem, RevokedItem, SubjectItem
from chalicelib.connections.connection import Connection, shard_of
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.ports import ConnectionGone, Resume
from chalicelib.errors import TooManySubscriptions
from chalicelib.limits import MAX_SUBSCRIPTIONS
from chalicelib.nights.events import SESSIONS_STREAM
from chalicelib.retry import ConditionFailed


class DynamoConnectionStore:
    """``ports.ConnectionStore`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, shards: int, now: Callable[[], float]) -> None:
        self._shards = shards
        self._now = now
        self._table = table
        self._heads = Heads(table, shards)
        self._head = self._heads.item
        self._membership = table.bind(MembershipItem)
        self._recipient = table.bind(RecipientItem)
        self._revoked = table.bind(RevokedItem)
        self._subject = table.bind(SubjectItem)

    def add(self, connection: Connection) -> None:
        """See the port."""
        deadline = connection.deadline
        with translate_errors(), self._table.transaction() as write:
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
            self._heads.put_row(write, connection)

    def get(self, connection_id: str) -> Connection | None:
        """See the port."""
        with translate_errors():
            item = self._head.find_unexpired(connection_key(connection_id), HEAD, self._now())
        return connection_of(connection_id, item) if item else None

    def authenticate(
        self,
        connection: Connection,
        claims: Claims,
        *,
        deadline: Deadline,
        position: int = 0,
        resume: Resume | None = None,
    ) -> None:
        """See the port."""
        head = self._head
        identified = connection.identified(claims, wants_cursor=resume is not None)
        known = replace(identified, deadline=deadline, revision=connection.revision + 1)
        identity = [
            head.subject.set(claims.subject),
            head.role.set(claims.role.value),
            head.session.set(claims.session) if claims.session else head.session.remove(),
            head.token_expires_at.set(claims.expires_at),
            head.failed_auths.set(0),
            head.wants_cursor.set(known.wants_cursor),
        ]
        unchanged = same_identity(head, connection) & same_revision(head, connection)
        with translate_errors():
            renewed = self._subscriptions(connection) if connection.authenticated else []
            with self._transaction() as write:
                self._heads.change(write, connection, known, unchanged, identity)
                self._put_subject(write, connection, claims)
                if claims.session is None:
                    self._put(write, known, SESSIONS_STREAM, self._place(position, resume))
                for stream in renewed:
                    self._renew(write, connection.connection_id, stream, claims.expires_at)
            if connection.authenticated:
                # From now on no join can use the old token. This finds joins since the first look.
                late = {*self._subscriptions(connection)} - {*renewed}
                if late:
                    with self._transaction() as write:
                        for stream in late:
                            self._renew(write, connection.connection_id, stream, claims.expires_at)

    def of_subject(self, subject: str, issued_until: float) -> Sequence[str]:
        """See the port."""
        with translate_errors():
            rows = [*self._subject.query(subject_key(subject), consistent_read=True)]
        return [row.SK for row in rows if row.issued_at <= issued_until and not row.expired(self._now())]

    def count_failed_auth(self, connection_id: str) -> int:
        """See the port."""
        item = self._head(connection_key(connection_id), HEAD)
        with _raising_gone():
            there = self._head.expires_at > int(self._now())
            item.update(actions=[self._head.failed_auths.add(1)], condition=there)
        return int(item.failed_auths)

    def join(
        self, connection: Connection, stream: str, resume: Resume | None = None, *, position: int = 0
    ) -> None:
        """See the port."""
        key = connection_key(connection.connection_id)
        unchanged = same_identity(self._head, connection)
        with translate_errors():
            member = self._is_member(connection.connection_id, stream)
            if not member and connection.subscriptions >= MAX_SUBSCRIPTIONS:
                raise TooManySubscriptions
            with self._transaction() as write:
                if member:
                    write.condition_check(self._head, key, HEAD, condition=unchanged)
                else:
                    # The head has the count, so concurrent joins are counted too.
                    counted = self._head.subscriptions
                    write.update(
                        self._head(key, HEAD),
                        actions=[counted.add(1)],
                        condition=unchanged & (counted.does_not_exist() | (counted < MAX_SUBSCRIPTIONS)),
                    )
                self._put(write, connection, stream, self._place(position, resume), member=member)

    def leave(self, connection_id: str, stream: str) -> None:
        """See the port."""
        with translate_errors():
            if not self._is_member(connection_id, stream):
                return
            with self._transaction() as write:
                write.update(
                    self._head(connection_key(connection_id), HEAD),
                    actions=[self._head.subscriptions.add(-1)],
                    condition=self._head.PK.exists(),
                )
                self._delete(write, connection_id, stream, condition=self._membership.PK.exists())

    def remove(self, connection_id: str) -> None:
        """See the port."""
        partition = connection_key(connection_id)
        with translate_errors():
            # The head goes first: a later join finds it missing, and earlier joins are in the list that is
            # read next.
            head = self._table.take(partition, HEAD)
            if "deadline_at" in head:
                kind = DeadlineKind(head["deadline_kind"]["S"])
                self._heads.remove_row(connection_id, Deadline(int(head["deadline_at"]["N"]), kind))
            if "subject" in head:
                self._subject(subject_key(head["subject"]["S"]), connection_id).delete()
            for membership in self._memberships(connection_id):
                with self._table.transaction() as write:
                    self._delete(write, connection_id, membership.SK.removeprefix("audience#"))

    @contextmanager
    def _transaction(self) -> Iterator[TransactWrite]:
        with _raising_gone(), self._table.transaction() as write:
            yield write

    def _subscriptions(self, connection: Connection) -> list[str]:
        found = [one for one in self._memberships(connection.connection_id) if not one.expired(self._now())]
        streams = [membership.SK.removeprefix("audience#") for membership in found]
        return [stream for stream in streams if stream != SESSIONS_STREAM]

    def _memberships(self, connection_id: str) -> Iterator[MembershipItem]:
        return self._membership.query(
            connection_key(connection_id), self._membership.SK.startswith("audience#"), consistent_read=True
        )

    def _is_member(self, connection_id: str, stream: str) -> bool:
        key = _membership_key(connection_id, stream)
        return bool(self._membership.find_unexpired(*key, self._now()))

    def _place(self, position: int, resume: Resume | None) -> list[Action]:
        """Return the actions that set the position of a new row, or of one that resumes."""
        row = self._recipient
        if resume is None:
            return [row.wants_cursor.set(row.wants_cursor | False), row.position.set(row.position | position)]
        return [
            row.wants_cursor.set(True),
            row.behind.set(resume.behind),
            row.catching_up_until.set(resume.catching_up_until),
            row.missed.remove(),
            row.position.remove(),
        ]

    def _put(
        self,
        write: TransactWrite,
        connection: Connection,
        stream: str,
        place: Sequence[Action],
        *,
        member: bool | None = None,
    ) -> None:
        """Put a connection into an audience. ``member``: whether it must be in it now; None for either."""
        expires_at = connection.connected_at + MAX_CONNECTION_SECONDS
        row, membership = self._recipient, self._membership
        live = membership.expires_at > int(self._now())
        actions = [
            row.api_id.set(connection.api_id),
            row.stage.set(connection.stage),
            row.token_expires_at.set(connection.token_expires_at or 0),
            row.expires_at.set(expires_at),
        ]
        write.update(row(*self._recipient_key(connection.connection_id, stream)), actions=[*actions, *place])
        write.save(
            membership(*_membership_key(connection.connection_id, stream), expires_at=expires_at),
            condition={None: None, True: live, False: ~live}[member],
        )

    def _put_subject(self, write: TransactWrite, connection: Connection, claims: Claims) -> None:
        """Note the connection's subject, unless it was revoked since the token was verified."""
        revoked = self._revoked
        write.condition_check(
            revoked,
            revoked_key(claims.subject),
            HEAD,
            condition=revoked.PK.does_not_exist() | (revoked.at < claims.issued_at),
        )
        write.save(
            self._subject(
                subject_key(claims.subject),
                connection.connection_id,
                issued_at=claims.issued_at,
                expires_at=connection.connected_at + MAX_CONNECTION_SECONDS,
            )
        )

    def _renew(self, write: TransactWrite, connection_id: str, stream: str, token_expires_at: int) -> None:
        row = self._recipient
        write.update(
            row(*self._recipient_key(connection_id, stream)),
            actions=[row.token_expires_at.set(token_expires_at)],
            condition=row.PK.exists(),
        )

    def _delete(
        self, write: TransactWrite, connection_id: str, stream: str, condition: Condition | None = None
    ) -> None:
        write.delete(self._recipient(*self._recipient_key(connection_id, stream)))
        write.delete(self._membership(*_membership_key(connection_id, stream)), condition=condition)

    def _recipient_key(self, connection_id: str, stream: str) -> tuple[str, str]:
        return audience_key(stream, shard_of(connection_id, self._shards)), connection_id


@contextmanager
def _raising_gone() -> Iterator[None]:
    """Raise ConnectionGone if a condition does not hold: all conditions here are about the connection."""
    try:
        with translate_errors():
            yield
    except ConditionFailed as error:
        raise ConnectionGone from error


def _membership_key(connection_id: str, stream: str) -> tuple[str, str]:
    return connection_key(connection_id), f"audience#{stream}"

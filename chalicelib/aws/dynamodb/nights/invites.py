"""Stores invites, guests, and the counts of attempts to join, in the sessions table."""

from collections.abc import Callable, Sequence

from chalicelib.auth.ports import Guest, Invite
from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors, versioned
from chalicelib.aws.dynamodb.keys import HEAD, attempts_key, guest_key, invite_key, session_key
from chalicelib.aws.dynamodb.nights.idempotency import DynamoAnswerStore
from chalicelib.aws.dynamodb.tables import AttemptsItem, GuestItem, InviteItem
from chalicelib.errors import NameTaken
from chalicelib.idempotency import Record, VersionConflict
from chalicelib.nights.votes import guest_of

KEPT_SECONDS = 24 * 60 * 60
"""For so long, an expired invite is answered as expired, not as unknown."""


class DynamoInvites:
    """``auth.ports.InviteStore`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, answers: DynamoAnswerStore, now: Callable[[], float]) -> None:
        self._table = table
        self._answers = answers
        self._now = now
        self._invite = table.bind(InviteItem)
        self._guest = table.bind(GuestItem)
        self._attempts = table.bind(AttemptsItem)

    def add_invite(self, digest: str, invite: Invite, records: Sequence[Record] = ()) -> None:
        """See the port."""
        item = self._invite(
            invite_key(digest),
            HEAD,
            subject=invite.subject,
            session=invite.session,
            until=invite.expires_at,
            expires_at=invite.expires_at + KEPT_SECONDS,
        )
        with versioned(self._table) as write:
            write.save(item, condition=self._invite.PK.does_not_exist())
            for record in records:
                self._answers.record_with(write, record)

    def invite(self, digest: str) -> Invite | None:
        """See the port."""
        with translate_errors():
            item = self._invite.find_unexpired(invite_key(digest), HEAD, self._now())
        if item is None:
            return None
        session = None if item.session is None else int(item.session)
        return Invite(item.subject, int(item.until), session, item.used)

    def use_invite(self, digest: str, records: Sequence[Record] = ()) -> None:
        """See the port."""
        with versioned(self._table) as write:
            write.update(
                self._invite(invite_key(digest), HEAD),
                actions=[self._invite.used.set(True)],
                condition=self._invite.used == False,  # noqa: E712 - PynamoDB makes a condition of it
            )
            for record in records:
                self._answers.record_with(write, record)

    def add_guest(self, guest: Guest, records: Sequence[Record] = ()) -> None:
        """See the port."""
        item = self._guest(
            session_key(guest.session),
            guest_key(guest_of(guest.name)),
            name=guest.name,
            subject=guest.subject,
        )
        try:
            with versioned(self._table) as write:
                write.save(item, condition=self._guest.PK.does_not_exist())
                for record in records:
                    self._answers.record_with(write, record)
        except VersionConflict as error:
            if self.guest(guest.session, guest.name) is not None:
                raise NameTaken(guest.name) from error
            raise

    def guest(self, session_id: int, name: str) -> Guest | None:
        """See the port."""
        with translate_errors():
            item = self._guest.find(session_key(session_id), guest_key(guest_of(name)))
        return Guest(session_id, item.name, item.subject) if item else None

    def count_attempt(self, minute: int, source: str) -> int:
        """See the port."""
        item = self._attempts(attempts_key(minute), source)
        count, expires_at = self._attempts.attempts, self._attempts.expires_at
        with translate_errors():
            item.update(actions=[count.add(1), expires_at.set((minute + 2) * 60)])
        return int(item.attempts)

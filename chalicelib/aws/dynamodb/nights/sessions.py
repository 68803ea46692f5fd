"""Stores sessions in the sessions table: their heads, and the transactions that change them.

The other items of a transaction are in ``event_log``, ``games``, ``pending_votes`` and ``idempotency``.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from msgspec.structs import asdict

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors, versioned
from chalicelib.aws.dynamodb.keys import HEAD, SESSIONS, active_key, session_key
from chalicelib.aws.dynamodb.nights.event_log import DynamoEventLog
from chalicelib.aws.dynamodb.nights.games import DynamoGames
from chalicelib.aws.dynamodb.nights.idempotency import DynamoAnswerStore
from chalicelib.aws.dynamodb.nights.invites import DynamoInvites
from chalicelib.aws.dynamodb.nights.pending_votes import DynamoPendingVotes
from chalicelib.aws.dynamodb.tables import ActiveSessionItem, SessionItem, StreamHeadItem
from chalicelib.idempotency import Record
from chalicelib.nights.events import Event
from chalicelib.nights.ports import Commit
from chalicelib.nights.sessions import Session, StreamHead
from chalicelib.retry import ConditionFailed


class DynamoSessionStore(DynamoGames):
    """``nights.ports.SessionStore`` on DynamoDB. ``now`` returns Unix seconds.

    ``new_epoch`` returns a fresh random string. ``log``, ``answers``, ``pending`` and ``invites`` are the
    other ports on the same table.
    """

    def __init__(
        self,
        table: Table,
        now: Callable[[], float],
        new_epoch: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        super().__init__(table)
        self._new_epoch = new_epoch
        self._table = table
        self._stream_head = table.bind(StreamHeadItem)
        self._active = table.bind(ActiveSessionItem)
        self._session = table.bind(SessionItem)
        self.log = DynamoEventLog(table, now)
        self.answers = DynamoAnswerStore(table, now)
        self.pending = DynamoPendingVotes(table, self.answers)
        self.invites = DynamoInvites(table, self.answers, now)

    def head(self) -> StreamHead:
        """See the port."""
        head = self._stream_head
        with translate_errors():
            item = head.find(SESSIONS, HEAD)
        if item is None:
            with suppress(ConditionFailed), translate_errors():
                first = head(SESSIONS, HEAD, epoch=self._new_epoch(), sequence=0)
                first.save(condition=head.PK.does_not_exist())
            with translate_errors():
                item = head.get(SESSIONS, HEAD, consistent_read=True)
        return StreamHead(item.epoch, int(item.sequence))

    def start(
        self, head: StreamHead, session: Session, events: Sequence[Event], records: Sequence[Record] = ()
    ) -> None:
        """See the port."""
        with versioned(self._table) as write:
            write.update(
                self._stream_head(SESSIONS, HEAD),
                actions=[self._stream_head.sequence.set(session.id)],
                condition=(self._stream_head.epoch == head.epoch)
                & (self._stream_head.sequence == head.sequence),
            )
            write.save(self._item(session), condition=self._session.PK.does_not_exist())
            write.save(self._active(SESSIONS, active_key(session.id)))
            for event in events:
                self.log.append_with(write, [event])
            for record in records:
                self.answers.record_with(write, record)

    def commit(self, change: Commit) -> None:
        """See the port."""
        before, after = change.before, change.after
        with versioned(self._table) as write:
            write.save(
                self._item(after),
                condition=(self._session.epoch == before.epoch)
                & (self._session.sequence == before.sequence)
                & (self._session.closing == before.closing),
            )
            if before.is_active and not after.is_active:
                write.delete(self._active(SESSIONS, active_key(after.id)))
            self.log.append_with(write, change.events)
            if change.game is not None:
                self.add_with(write, after.id, change.game)
            for game, counted in change.counted:
                self.count_with(write, after.id, game, counted)
            for earlier, vote in change.votes:
                self.vote_with(write, after.id, earlier, vote)
            if change.withdrawn is not None:
                self.withdraw_with(write, after.id, change.withdrawn)
            self.pending.count_with(write, after.id, change.pending)
            for record in change.records:
                self.answers.record_with(write, record)

    def session(self, session_id: int) -> Session | None:
        """See the port."""
        with translate_errors():
            item = self._session.find(session_key(session_id), HEAD)
        return _session_of(item) if item else None

    def sessions(self, after: int, limit: int) -> Sequence[Session]:
        """See the port."""
        keys = [(session_key(number), HEAD) for number in range(after + 1, after + limit + 1)]
        with translate_errors():
            found = [_session_of(item) for item in self._session.batch_get(keys, consistent_read=True)]
        return sorted(found, key=lambda session: session.id)

    def newest_active(self) -> Session | None:
        """See the port.

        Markers are read first, then their sessions. If all sessions of one look have ended, another session
        may have started during the look. So the look is repeated until it shows no marker that is new.
        """
        ended: set[int] = set()
        with translate_errors():
            while True:
                seen = set[int]()
                for number in self._marked_active():
                    session = self.session(number)
                    if session is not None and session.is_active:  # else it ended between the two reads
                        return session
                    seen.add(number)
                if seen <= ended:
                    return None
                ended |= seen

    def _marked_active(self) -> Iterator[int]:
        """Yield the ids of sessions that have a marker, newest first, read one by one."""
        for marker in self._active.query(
            SESSIONS,
            self._active.SK.startswith("active#"),
            consistent_read=True,
            scan_index_forward=False,
            page_size=1,
        ):
            yield int(marker.SK.removeprefix("active#"))

    def _item(self, session: Session) -> SessionItem:
        values = asdict(session)
        return self._session(session_key(values.pop("id")), HEAD, **values)


def _session_of(item: SessionItem) -> Session:
    values = item.values_of(Session)
    values["removed_games"] = tuple(values["removed_games"])
    return Session(int(item.PK.removeprefix("session#")), **values)

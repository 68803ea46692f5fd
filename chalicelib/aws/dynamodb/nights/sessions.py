"""Sessions in the sessions table: their heads, and the transactions that move them.

Leaves keys to ``keys``, the other items of a transaction to ``event_log``, ``games``, ``ballots`` and
``idempotency``,
the rules to ``domain`` and races to ``services``.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.errors import condition_failed, lost_race, translated
from chalicelib.aws.dynamodb.keys import HEAD, SESSIONS, active_key, session_key
from chalicelib.aws.dynamodb.nights.event_log import DynamoEventLog
from chalicelib.aws.dynamodb.nights.games import DynamoGames
from chalicelib.aws.dynamodb.nights.idempotency import DynamoAnswerStore
from chalicelib.aws.dynamodb.nights.pending_votes import DynamoBallotBox
from chalicelib.aws.dynamodb.tables import ActiveSessionItem, SessionItem, StreamHeadItem, Table
from chalicelib.idempotency import Record, StreamMoved
from chalicelib.nights.events import Event
from chalicelib.nights.ports import Change
from chalicelib.nights.sessions import Session, StreamHead


class DynamoSessionStore(DynamoGames):
    """``nights.ports.SessionStore`` on DynamoDB. ``now`` returns Unix seconds.

    ``new_epoch`` returns a fresh random text. ``log``, ``answers`` and ``box`` are the other ports on the
    same table.
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
        self.box = DynamoBallotBox(table, now)

    def head(self) -> StreamHead:
        """See the port."""
        with translated():
            try:
                item = self._stream_head.get(SESSIONS, HEAD, consistent_read=True)
            except self._stream_head.DoesNotExist:
                return self._first_head()
        return StreamHead(item.epoch, int(item.sequence))

    def start(self, head: StreamHead, session: Session, event: Event, records: Sequence[Record] = ()) -> None:
        """See the port."""
        with self._transaction() as write:
            write.update(
                self._stream_head(SESSIONS, HEAD),
                actions=[self._stream_head.sequence.set(session.id)],
                condition=(self._stream_head.epoch == head.epoch)
                & (self._stream_head.sequence == head.sequence),
            )
            write.save(self._item(session), condition=self._session.PK.does_not_exist())
            write.save(self._active(SESSIONS, active_key(session.id)))
            self.log.append_with(write, [event])
            for record in records:
                self.answers.record_with(write, record)

    def commit(self, change: Change) -> None:
        """See the port."""
        before, after = change.before, change.after
        with self._transaction() as write:
            write.save(
                self._item(after),
                condition=(self._session.epoch == before.epoch) & (self._session.sequence == before.sequence),
            )
            if before.is_active and not after.is_active:
                write.delete(self._active(SESSIONS, active_key(after.id)))
            self.log.append_with(write, change.events, change.ballots)
            if change.game is not None:
                self.add_with(write, after.id, change.game)
            for game, counted in change.counted:
                self.count_with(write, after.id, game, counted)
            for earlier, vote in change.votes:
                self.vote_with(write, after.id, earlier, vote)
            self.box.take_out_with(write, after.id, change.ballots, change.dropped)
            for record in change.records:
                self.answers.record_with(write, record)

    def session(self, session_id: int) -> Session | None:
        """See the port."""
        with translated():
            try:
                item = self._session.get(session_key(session_id), HEAD, consistent_read=True)
            except self._session.DoesNotExist:
                return None
        return _session_of(item)

    def sessions(self, after: int, limit: int) -> Sequence[Session]:
        """See the port."""
        keys = [(session_key(number), HEAD) for number in range(after + 1, after + limit + 1)]
        with translated():
            found = [_session_of(item) for item in self._session.batch_get(keys, consistent_read=True)]
        return sorted(found, key=lambda session: session.id)

    def newest_active(self) -> Session | None:
        """See the port.

        Where all markers of one look belong to sessions that have ended by the time these are read, another
        session may have started behind the look: nothing is active only once a look shows no such marker that
        an earlier look did not show.
        """
        ended: set[int] = set()
        with translated():
            while True:
                seen = set[int]()
                for number in self._marked_active():
                    session = self.session(number)
                    if session is not None and session.is_active:  # or it ended between the two reads
                        return session
                    seen.add(number)
                if seen <= ended:
                    return None
                ended |= seen

    def _marked_active(self) -> Iterator[int]:
        """Yield the ids of sessions that have a marker, the newest first, read one by one."""
        for marker in self._active.query(
            SESSIONS,
            self._active.SK.startswith("active#"),
            consistent_read=True,
            scan_index_forward=False,
            page_size=1,
        ):
            yield int(marker.SK.removeprefix("active#"))

    @contextmanager
    def _transaction(self) -> Iterator[TransactWrite]:
        with translated():
            try:
                with self._table.transaction() as write:
                    yield write
            except TransactWriteError as error:
                if lost_race(error):
                    raise StreamMoved from error
                raise

    def _first_head(self) -> StreamHead:
        first = self._stream_head(SESSIONS, HEAD, epoch=self._new_epoch(), sequence=0)
        try:
            first.save(condition=self._stream_head.PK.does_not_exist())
        except PutError as error:
            if not condition_failed(error):
                raise
            first.refresh(consistent_read=True)
        return StreamHead(first.epoch, int(first.sequence))

    def _item(self, session: Session) -> SessionItem:
        return self._session(
            session_key(session.id),
            HEAD,
            epoch=session.epoch,
            sequence=session.sequence,
            created_at=session.created_at,
            notes=session.notes,
            is_active=session.is_active,
            ended_at=session.ended_at,
            games_played=session.games_played,
            crowded_until=session.crowded_until,
        )


def _session_of(item: SessionItem) -> Session:
    return Session(
        id=int(item.PK.removeprefix("session#")),
        epoch=item.epoch,
        sequence=int(item.sequence),
        created_at=item.created_at,
        notes=item.notes,
        is_active=item.is_active,
        ended_at=item.ended_at,
        games_played=int(item.games_played),
        crowded_until=int(item.crowded_until),
    )

"""Gives all streams of a restored sessions table new epochs, and removes half transactions.

A restored table may hold half of its last transactions, since DynamoDB copies them to backups item by item.
Items ahead of their head would block every later commit, so they are removed: their transaction counts as
never made. A start that only one log has is copied to the other, since readers of both must see the same
sessions.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors
from chalicelib.aws.dynamodb.keys import (
    HEAD,
    LAST_EVENT,
    SESSIONS,
    active_key,
    event_key,
    game_key,
    session_key,
)
from chalicelib.aws.dynamodb.tables import ActiveSessionItem, EventItem, GameItem, SessionItem, StreamHeadItem
from chalicelib.errors import Contended
from chalicelib.limits import MAX_PAGE
from chalicelib.nights.ports import SessionStore
from chalicelib.nights.sessions import Session
from chalicelib.retry import ConditionFailed
from infra.deploy.operate.followers import all_sessions

MAX_CHANGES = 20
"""How often to try when somebody else moves the head meanwhile."""

CONTENDED = "Too many writers at once on {}. Run this again; it begins anew and does no harm."

LAST_GAME = "game#9999"

Item = ActiveSessionItem | EventItem | GameItem | SessionItem


@dataclass(frozen=True, slots=True)
class Renewed:
    """A stream that has a new epoch: a session's, or that of all sessions if ``session_id`` is None.

    ``removed`` are the keys of half transactions; ``lost`` says whether the newest start was one.
    """

    session_id: int | None
    removed: tuple[str, ...] = ()
    lost: bool = False


class DynamoEpochs:
    """The epochs of a table that ``store`` reads. ``now`` returns Unix seconds."""

    def __init__(
        self,
        table: Table,
        store: SessionStore,
        now: Callable[[], float],
        new_epoch: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._table = table
        self._store = store
        self._now = now
        self._new_epoch = new_epoch
        self._stream_head = table.bind(StreamHeadItem)
        self._active = table.bind(ActiveSessionItem)
        self._session = table.bind(SessionItem)
        self._event = table.bind(EventItem)
        self._game = table.bind(GameItem)

    def renew(self) -> Iterator[Renewed]:
        """Give every stream a new epoch, and yield each that has one.

        Others may commit meanwhile; what they commit afterwards is of the new epochs. It can be run again,
        also after it was interrupted. Raises Contended, Unavailable.
        """
        with translate_errors():
            newest, renewed = self._renew_starts()
            yield renewed
            for session in all_sessions(self._store, newest):
                yield self._renew_session(session.id)
                self._log_start(session.id)

    def _renew_starts(self) -> tuple[int, Renewed]:
        for _ in range(MAX_CHANGES):
            head = self._store.head()
            newest = head.sequence
            # A start that is half there has its number again: ids have no gaps.
            while newest and self._store.session(newest) is None:
                newest -= 1
            actions = [self._stream_head.epoch.set(self._new_epoch()), self._stream_head.sequence.set(newest)]
            unmoved = (self._stream_head.epoch == head.epoch) & (self._stream_head.sequence == head.sequence)
            if _updated(self._stream_head(SESSIONS, HEAD), actions, unmoved):
                removed = tuple(self._remove_starts(newest))
                return newest, Renewed(None, removed, lost=newest < head.sequence)
        raise Contended(CONTENDED.format("the stream of sessions"))

    def _renew_session(self, session_id: int) -> Renewed:
        for _ in range(MAX_CHANGES):
            session = self._store.session(session_id)
            if session is None:
                raise AssertionError(session_id)  # sessions are never deleted
            unmoved = (self._session.epoch == session.epoch) & (self._session.sequence == session.sequence)
            item = self._session(session_key(session_id), HEAD)
            if _updated(item, [self._session.epoch.set(self._new_epoch())], unmoved):
                return Renewed(session_id, tuple(self._remove_beyond(session)))
        raise Contended(CONTENDED.format(f"session {session_id}"))

    def _remove_starts(self, newest: int) -> Iterator[str]:
        """Remove half-restored sessions beyond the newest, unless one has been started since."""
        for number in range(newest + 1, newest + MAX_PAGE + 1):
            items: list[Item] = [
                self._session(session_key(number), HEAD),
                *self._starts(number),
                self._active(SESSIONS, active_key(number)),
            ]
            there = [item for item in items if item.find(item.PK, item.SK)]
            if not there:
                return  # numbers have no gaps, and few are in the making at one moment
            behind = self._stream_head.sequence < number
            yield from self._removed(there, self._stream_head, SESSIONS, behind)

    def _starts(self, number: int) -> list[EventItem]:
        """Return the keys of a session's start in the log of all sessions, and in its own."""
        return [self._event(SESSIONS, event_key(number)), self._event(session_key(number), event_key(1))]

    def _log_start(self, session_id: int) -> None:
        """Copy a session's start to the log that does not have it, unless it has expired."""
        starts = self._starts(session_id)
        logged = [self._event.find(start.PK, start.SK) for start in starts]
        found = next((start for start in logged if start), None)
        if found is None or all(logged) or found.expired(self._now()):
            return
        missing = starts[logged.index(None)]
        found.PK, found.SK = missing.PK, missing.SK
        # Only a broadcast of all sessions' starts reads the epoch: other readers know their stream's.
        found.epoch = self._store.head().epoch
        found.save()

    def _remove_beyond(self, session: Session) -> Iterator[str]:
        """Remove events and games beyond the session's head, unless they are committed meanwhile."""
        partition, head = session_key(session.id), self._session
        events = self._event.SK.between(event_key(session.sequence + 1), LAST_EVENT)
        games = self._game.SK.between(game_key(session.games_added + 1), LAST_GAME)
        kinds = ((self._event, events, head.sequence), (self._game, games, head.games_added))
        for model, beyond, newest in kinds:
            for item in model.query(partition, beyond, consistent_read=True):
                number = int(item.SK.partition("#")[2])
                yield from self._removed([item], head, partition, newest < number)

    def _removed(
        self, items: Sequence[Item], head: type[Model], partition: str, behind: Condition
    ) -> Sequence[str]:
        """Remove items if their head is still behind them; return their keys."""
        with suppress(ConditionFailed), translate_errors():
            with self._table.transaction() as write:
                write.condition_check(head, partition, HEAD, condition=behind)
                for item in items:
                    write.delete(item)
            return [f"{item.PK} {item.SK}" for item in items]
        return ()


def _updated(item: Model, actions: Sequence[Action], condition: Condition) -> bool:
    with suppress(ConditionFailed), translate_errors():
        item.update(actions=[*actions], condition=condition)
        return True
    return False

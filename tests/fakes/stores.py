"""Stores in memory that keep the promises of services.ports; the contract suite holds them to it."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from threading import Lock
from typing import Any

from chalicelib.auth.claims import Claims
from chalicelib.connections.connection import ALL_AUDIENCE, Connection, Lag, Recipient, shard_of
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import ConnectionGone, DeadlinePage, Reached
from chalicelib.delivery.jobs import QueueMark
from chalicelib.delivery.ports import AudiencePage
from chalicelib.errors import TooManySubscriptions
from chalicelib.idempotency import RETENTION_SECONDS, IdempotentRequest, Record, RecordedAnswer, StreamMoved
from chalicelib.limits import EVENT_RETENTION_SECONDS, MAX_SUBSCRIPTIONS
from chalicelib.nights.counting import LeftBallot, VoteKey
from chalicelib.nights.events import Event, EventType, Json
from chalicelib.nights.games import Game
from chalicelib.nights.ports import Change
from chalicelib.nights.sessions import Session, StreamHead
from chalicelib.nights.votes import Vote


class FakeSessionStore:
    """All ports of the sessions table: sessions, log, ballot box, answers. ``now`` is in Unix seconds."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self._head = StreamHead("fake", 0)
        self._sessions: dict[int, Session] = {}
        self._games: dict[tuple[int, int], Game] = {}
        self._votes: dict[tuple[int, int, str], Vote] = {}
        self._answers: dict[tuple[str, str], tuple[RecordedAnswer, float]] = {}
        self._lock = Lock()  # what is written is written whole, as the engine does it
        self._boxes: dict[int, list[LeftBallot]] = {}
        self._counted: dict[str, Event] = {}
        self._logged_at: list[float] = []
        self.log: list[Event] = []

    def head(self) -> StreamHead:
        return self._head

    def start(self, head: StreamHead, session: Session, event: Event, records: Sequence[Record] = ()) -> None:
        with self._lock:
            if head != self._head:
                raise StreamMoved
            self._record(records)
            self._head = StreamHead(head.epoch, session.id)
            self._sessions[session.id] = session
            self._append([event])

    def commit(self, change: Change) -> None:
        session_id = change.after.id
        with self._lock:
            self._require_unmoved(change)
            self._record(change.records)
            gone = (*change.ballots, *change.dropped)
            self._boxes[session_id] = [left for left in self._box(session_id) if left not in gone]
            self._counted |= dict(zip((left.id for left in change.ballots), change.events, strict=False))
            self._sessions[session_id] = change.after
            if change.game is not None:
                self._games[session_id, change.game.id] = change.game
            self._games |= {(session_id, counted.id): counted for _, counted in change.counted}
            self._votes |= {(session_id, vote.game_id, vote.voter): vote for _, vote in change.votes}
            self._append(change.events)

    def _require_unmoved(self, change: Change) -> None:
        before = change.before
        stored = self._sessions.get(before.id)
        votes = [
            (earlier, self._votes.get((before.id, vote.game_id, vote.voter)))
            for earlier, vote in change.votes
        ]
        games = [(game, self._games.get((before.id, game.id))) for game, _ in change.counted]
        if (
            stored is None
            or stored.cursor != before.cursor
            or any(read != now for read, now in [*votes, *games])
            or any(left not in self._box(before.id) for left in change.ballots)
        ):
            raise StreamMoved

    def session(self, session_id: int) -> Session | None:
        return self._sessions.get(session_id)

    def sessions(self, after: int, limit: int) -> Sequence[Session]:
        wanted = range(after + 1, after + limit + 1)
        return [self._sessions[number] for number in wanted if number in self._sessions]

    def newest_active(self) -> Session | None:
        return next((one for one in reversed(self._sessions.values()) if one.is_active), None)

    def games(self, session_id: int) -> Sequence[Game]:
        return [game for (night, _), game in self._games.items() if night == session_id]

    def games_and_votes(
        self, session_id: int, keys: Collection[VoteKey]
    ) -> tuple[Mapping[int, Game], Mapping[VoteKey, Vote]]:
        games = {game_id: self._games.get((session_id, game_id)) for game_id, _ in keys}
        votes = {key: self._votes.get((session_id, *key)) for key in keys}
        return (
            {game_id: game for game_id, game in games.items() if game},
            {key: vote for key, vote in votes.items() if vote},
        )

    def leave(self, session_id: int, left: LeftBallot) -> None:
        with self._lock:
            self._box(session_id).append(left)

    def waiting(self, session_id: int, limit: int) -> Sequence[LeftBallot]:
        return sorted(self._box(session_id), key=lambda left: (left.left_at, left.id))[:limit]

    def take_back(self, session_id: int, left: LeftBallot) -> bool:
        with self._lock:
            if left not in self._box(session_id):
                return False
            self._box(session_id).remove(left)
            return True

    def _box(self, session_id: int) -> list[LeftBallot]:
        return self._boxes.setdefault(session_id, [])

    def outcome(self, session_id: int, ballot_id: str, after: int) -> tuple[Json | None, int]:
        event = self._counted.get(ballot_id)
        if event is None:
            return None, self._sessions[session_id].sequence
        if event.cursor.sequence <= after:
            return None, after
        answer: Json = json.loads(event.envelope)["data"]
        return answer, event.cursor.sequence

    def events(self, session_id: int, after: int, limit: int) -> Sequence[Event]:
        night = [event for event in self._kept() if event.session_id == session_id]
        return [event for event in night if event.cursor.sequence > after][:limit]

    def starts(self, after: int, limit: int) -> Sequence[Event]:
        starts = [event for event in self._kept() if event.type is EventType.SESSION_STARTED]
        return [event for event in starts if after < event.session_id <= after + limit]

    def recorded_answer(self, request: IdempotentRequest) -> RecordedAnswer | None:
        recorded, at = self._answers.get(request.name, (None, 0.0))
        return recorded if at + RETENTION_SECONDS > self._now() else None

    def answered(self, requests: Sequence[IdempotentRequest]) -> Collection[tuple[str, str]]:
        return {request.name for request in requests if self.recorded_answer(request) is not None}

    def record(self, record: Record) -> None:
        with self._lock:
            self._record([record])

    def _record(self, records: Sequence[Record]) -> None:
        if any(self.recorded_answer(record.request) is not None for record in records):
            raise StreamMoved
        for record in records:
            answer = RecordedAnswer(record.request.request_hash, record.answer)
            self._answers[record.request.name] = (answer, self._now())

    def _append(self, events: Sequence[Event]) -> None:
        self.log.extend(events)
        self._logged_at.extend(self._now() for _ in events)

    def _kept(self) -> list[Event]:
        oldest = self._now() - EVENT_RETENTION_SECONDS
        return [event for event, at in zip(self.log, self._logged_at, strict=True) if at > oldest]


class FakeConnectionStore:
    """All ports of connections: ConnectionStore, DeadlineStore and LagStore."""

    def __init__(self, shards: int = 2, page_size: int = 1000, now: float = 0.0) -> None:
        self._shards = shards
        self._page_size = page_size
        self.now = now
        self._connections: dict[str, Connection] = {}
        self._audiences: dict[tuple[str, int], dict[str, Recipient]] = {}
        self._deadlines: dict[tuple[int, int], dict[str, Reached]] = {}
        self.swept: int | None = None
        self.pages_read = 0

    def add(self, connection: Connection) -> None:
        self._connections[connection.connection_id] = connection
        self._place(connection)

    def get(self, connection_id: str) -> Connection | None:
        return self._connections.get(connection_id)

    def authenticate(
        self,
        connection: Connection,
        claims: Claims,
        *,
        wants_cursor: bool,
        deadline: Deadline | None = None,
    ) -> None:
        self._require_unchanged(connection)
        now = self._connections[connection.connection_id]
        if now.revision != connection.revision:
            raise ConnectionGone
        known = replace(now.identified(claims, wants_cursor=wants_cursor), revision=now.revision + 1)
        self._connections[connection.connection_id] = known
        if deadline is not None:
            self._displace(known)
            known = self._connections[connection.connection_id] = replace(known, deadline=deadline)
            self._place(known)
        for (audience, _), members in self._audiences.items():
            if connection.connection_id in members:
                self._put(known, audience, wants_cursor=False)
        self._put(known, ALL_AUDIENCE, wants_cursor=wants_cursor)

    def count_failed_auth(self, connection_id: str) -> int:
        if connection_id not in self._connections:
            raise ConnectionGone
        connection = self._connections[connection_id]
        self._connections[connection_id] = replace(connection, failed_auths=connection.failed_auths + 1)
        return connection.failed_auths + 1

    def join(self, connection: Connection, audience: str, *, wants_cursor: bool) -> None:
        self._require_unchanged(connection)
        now = self._connections[connection.connection_id]
        if connection.connection_id not in self._shard_of(audience, connection.connection_id):
            if now.subscriptions >= MAX_SUBSCRIPTIONS:
                if connection.subscriptions >= MAX_SUBSCRIPTIONS:
                    raise TooManySubscriptions
                raise ConnectionGone
            now = replace(now, subscriptions=now.subscriptions + 1)
            self._connections[connection.connection_id] = now
        self._put(connection, audience, wants_cursor=wants_cursor)

    def leave(self, connection_id: str, audience: str) -> None:
        if self._shard_of(audience, connection_id).pop(connection_id, None) is not None:
            now = self._connections[connection_id]
            self._connections[connection_id] = replace(now, subscriptions=now.subscriptions - 1)

    def remove(self, connection_id: str) -> None:
        removed = self._connections.pop(connection_id, None)
        if removed is not None:
            self._displace(removed)
        for members in self._audiences.values():
            members.pop(connection_id, None)

    def audience(
        self, audience: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        members = sorted(self._audiences.get((audience, shard), {}).items())
        rest = [member for connection_id, member in members if after is None or connection_id > after]
        page = list(islice(rest, min(limit or self._page_size, self._page_size)))
        following = page[-1].connection_id if len(rest) > len(page) else None
        return AudiencePage([one for one in page if one.token_expires_at > self.now], following)

    def recipient(self, audience: str, connection_id: str) -> Recipient | None:
        found = self._shard_of(audience, connection_id).get(connection_id)
        return found if found is not None and found.token_expires_at > self.now else None

    def fall_behind(self, audience: str, connection_id: str, place: int) -> None:
        row = self._shard_of(audience, connection_id).get(connection_id)
        if row is not None:
            lag = row.lag or Lag(place, place)
            self._lags(audience, row, replace(lag, first=min(lag.first, place), last=max(lag.last, place)))

    def skip(self, audience: str, connection_id: str, place: int) -> bool:
        row = self.recipient(audience, connection_id)
        if row is None or row.lag is None:
            return False
        if not row.lag.first <= place <= row.lag.last:
            self._lags(audience, row, Lag(min(row.lag.first, place), max(row.lag.last, place)))
        return True

    def advance(self, audience: str, connection_id: str, place: int) -> bool:
        row = self.recipient(audience, connection_id)
        if row is None or row.lag is None or row.lag.first != place:
            return False
        self._lags(audience, row, replace(row.lag, first=place + 1))
        return True

    def park(self, audience: str, connection_id: str) -> None:
        row = self.recipient(audience, connection_id)
        if row is not None and row.lag is not None:
            self._lags(audience, row, replace(row.lag, parked=True))

    def caught_up(self, audience: str, connection_id: str, place: int) -> bool:
        row = self.recipient(audience, connection_id)
        if row is None or row.lag is None or not row.lag.first == row.lag.last == place:
            return False
        self._lags(audience, row, None)
        return True

    def _lags(self, audience: str, row: Recipient, lag: Lag | None) -> None:
        self._shard_of(audience, row.connection_id)[row.connection_id] = replace(row, lag=lag)

    def _shard_of(self, audience: str, connection_id: str) -> dict[str, Recipient]:
        return self._audiences.get((audience, shard_of(connection_id, self._shards)), {})

    def _put(self, connection: Connection, audience: str, *, wants_cursor: bool) -> None:
        shard = shard_of(connection.connection_id, self._shards)
        members = self._audiences.setdefault((audience, shard), {})
        known = members.get(connection.connection_id)
        wants = wants_cursor or (known is not None and known.wants_cursor)
        row = replace(connection.as_recipient(), wants_cursor=wants)
        members[connection.connection_id] = replace(row, lag=known.lag) if known else row

    def _require_unchanged(self, connection: Connection) -> None:
        now = self._connections.get(connection.connection_id)
        if now is None or (now.subject, now.token_expires_at, now.closing_since) != (
            connection.subject,
            connection.token_expires_at,
            None,
        ):
            raise ConnectionGone

    def swept_to(self) -> int | None:
        return self.swept

    def mark_swept(self, minute: int) -> None:
        self.swept = max(minute, self.swept or minute)

    def page(self, minute: int, shard: int, until: int, after: str | None = None) -> DeadlinePage:
        self.pages_read += 1
        rows = sorted(self._deadlines.get((minute, shard), {}).items())
        rest = [(key, row) for key, row in rows if after is None or key > after]
        page = rest[: self._page_size]
        following = page[-1][0] if len(rest) > len(page) else None
        return DeadlinePage([row for _, row in page if row.deadline.at <= until], following)

    def drop(self, reached: Reached) -> None:
        rows = self._deadlines_beside(reached.connection_id, reached.deadline)
        if rows.get(_row_key(reached.connection_id, reached.deadline)) == reached:
            del rows[_row_key(reached.connection_id, reached.deadline)]

    def claim(self, connection: Connection, now: int) -> Connection | None:
        return self._revised(connection, closing_since=now)

    def move(
        self, connection: Connection, deadline: Deadline, told: frozenset[DeadlineKind]
    ) -> Connection | None:
        moved = self._revised(connection, deadline=deadline, told=told)
        if moved is not None:
            self._displace(connection)
            self._place(moved)
        return moved

    def deadlines(self) -> list[Reached]:
        """Every deadline that there is."""
        return sorted(
            (row for rows in self._deadlines.values() for row in rows.values()),
            key=lambda row: (row.deadline, row.connection_id),
        )

    def leave_deadline(self, reached: Reached) -> None:
        """Put a deadline that no connection has, as what died half way leaves it."""
        rows = self._deadlines_beside(reached.connection_id, reached.deadline)
        rows[_row_key(reached.connection_id, reached.deadline)] = reached

    def _revised(self, connection: Connection, **changes: Any) -> Connection | None:
        now = self._connections.get(connection.connection_id)
        if now is None or now.revision != connection.revision:
            return None
        revised = replace(now, revision=now.revision + 1, **changes)
        self._connections[connection.connection_id] = revised
        return revised

    def _place(self, connection: Connection) -> None:
        if connection.deadline is not None:
            row = Reached(connection.connection_id, connection.deadline, connection.revision)
            self.leave_deadline(row)

    def _displace(self, connection: Connection) -> None:
        if connection.deadline is not None:
            rows = self._deadlines_beside(connection.connection_id, connection.deadline)
            rows.pop(_row_key(connection.connection_id, connection.deadline), None)

    def _deadlines_beside(self, connection_id: str, deadline: Deadline) -> dict[str, Reached]:
        shard = shard_of(connection_id, self._shards)
        return self._deadlines.setdefault((deadline.minute, shard), {})


def _row_key(connection_id: str, deadline: Deadline) -> str:
    return f"{deadline.kind}#{connection_id}"


class FakeAudiences:
    """What a fake store's audiences are, as a delivery reads them.

    ``queued`` says what an audience's stream has had on the queue.
    """

    def __init__(
        self, store: FakeConnectionStore, queued: Callable[[str], QueueMark | None] = lambda _: None
    ) -> None:
        self._store = store
        self._queued = queued

    async def page(
        self, audience: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        return self._store.audience(audience, shard, after, limit)

    async def queue_mark(self, audience: str) -> QueueMark | None:
        return self._queued(audience)

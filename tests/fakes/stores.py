"""Stores in memory that keep the promises of the packages' ports; the contract suite holds them to it."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock
from typing import Any

from msgspec.structs import replace

from chalicelib.auth.claims import Claims
from chalicelib.auth.ports import Guest, Invite
from chalicelib.connections.connection import Connection, Recipient, shard_of
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.ports import ConnectionGone, DeadlinePage, ExpiredDeadline, Resume
from chalicelib.errors import NameTaken, TooManySubscriptions
from chalicelib.idempotency import (
    RETENTION_SECONDS,
    IdempotentRequest,
    Record,
    RecordedAnswer,
    VersionConflict,
)
from chalicelib.limits import EVENT_RETENTION_SECONDS, MAX_SUBSCRIPTIONS
from chalicelib.nights.events import SESSIONS_STREAM, Event
from chalicelib.nights.games import Game
from chalicelib.nights.ports import Commit, VotingState
from chalicelib.nights.sessions import Session, StreamHead
from chalicelib.nights.votes import PendingVote, Vote, VoteKey, guest_of


class FakeSessionStore:
    """All ports of the sessions table. ``now`` is in Unix seconds."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self._head = StreamHead("fake", 0)
        self._sessions: dict[int, Session] = {}
        self._games: dict[tuple[int, int], Game] = {}
        self._votes: dict[tuple[int, VoteKey], Vote] = {}
        self._answers: dict[tuple[str, str], tuple[RecordedAnswer, float]] = {}
        self._lock = Lock()  # what is written is written whole, as the engine does it
        self._pending: dict[int, dict[str, PendingVote]] = {}
        self._logged_at: list[float] = []
        self._invites: dict[str, Invite] = {}
        self._guests: dict[tuple[int, str], Guest] = {}
        self._attempts: Counter[tuple[int, str]] = Counter()
        self.log: list[Event] = []

    def head(self) -> StreamHead:
        return self._head

    def start(
        self, head: StreamHead, session: Session, events: Sequence[Event], records: Sequence[Record] = ()
    ) -> None:
        with self._lock:
            if head != self._head:
                raise VersionConflict
            self._record(records)
            self._head = StreamHead(head.epoch, session.id)
            self._sessions[session.id] = session
            self._append(events)

    def commit(self, change: Commit) -> None:
        session_id = change.after.id
        with self._lock:
            self._require_unmoved(change)
            self._record(change.records)
            for one in change.pending:
                del self._pending[session_id][one.id]
            self._sessions[session_id] = change.after
            if change.game is not None:
                self._games[session_id, change.game.id] = change.game
            self._games |= {(session_id, counted.id): counted for _, counted in change.counted}
            self._votes |= {(session_id, vote.key): vote for _, vote in change.votes}
            if change.withdrawn:
                del self._votes[session_id, change.withdrawn.key]
            self._append(change.events)

    def _require_unmoved(self, change: Commit) -> None:
        before = change.before
        stored = self._sessions.get(before.id)
        votes = [(earlier, self._votes.get((before.id, vote.key))) for earlier, vote in change.votes]
        if change.withdrawn:
            votes.append((change.withdrawn, self._votes.get((before.id, change.withdrawn.key))))
        games = [(game, self._games.get((before.id, game.id))) for game, _ in change.counted]
        if (
            stored is None
            or (stored.cursor, stored.closing) != (before.cursor, before.closing)
            or any(read != now for read, now in [*votes, *games])
            or any(one.id not in self._pending.get(before.id, {}) for one in change.pending)
        ):
            raise VersionConflict

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
        votes = {key: self._votes.get((session_id, key)) for key in keys}
        return (
            {game_id: game for game_id, game in games.items() if game},
            {key: vote for key, vote in votes.items() if vote},
        )

    def voting_state(self, session_id: int, game_id: int) -> VotingState:
        game = self._games.get((session_id, game_id))
        session = self._sessions[session_id]
        removed = game_id in session.removed_games
        return VotingState(session.is_open, game.title if game else None, removed)

    def add(self, session_id: int, pending: PendingVote, records: Sequence[Record] = ()) -> None:
        with self._lock:
            self._record(records)
            self._pending.setdefault(session_id, {})[pending.id] = pending

    def waiting(self, session_id: int, limit: int) -> Sequence[PendingVote]:
        with self._lock:
            return sorted(self._pending.get(session_id, {}).values(), key=lambda one: one.id)[:limit]

    def is_waiting(self, session_id: int, pending_id: str) -> bool:
        return pending_id in self._pending.get(session_id, {})

    def events(self, stream: str, after: int, limit: int) -> Sequence[Event]:
        return [event for event in self._kept() if event.stream == stream and event.sequence > after][:limit]

    def recorded_answer(self, request: IdempotentRequest) -> RecordedAnswer | None:
        recorded, at = self._answers.get(request.name, (None, 0.0))
        return recorded if at + RETENTION_SECONDS > self._now() else None

    def record(self, record: Record) -> None:
        with self._lock:
            self._record([record])

    def add_invite(self, digest: str, invite: Invite, records: Sequence[Record] = ()) -> None:
        with self._lock:
            self._record(records)
            self._invites[digest] = invite

    def invite(self, digest: str) -> Invite | None:
        return self._invites.get(digest)

    def use_invite(self, digest: str, records: Sequence[Record] = ()) -> None:
        with self._lock:
            if self._invites[digest].used:
                raise VersionConflict
            self._record(records)
            self._invites[digest] = replace(self._invites[digest], used=True)

    def add_guest(self, guest: Guest, records: Sequence[Record] = ()) -> None:
        with self._lock:
            if self.guest(guest.session, guest.name) is not None:
                raise NameTaken(guest.name)
            self._record(records)
            self._guests[guest.session, guest_of(guest.name)] = guest

    def guest(self, session_id: int, name: str) -> Guest | None:
        return self._guests.get((session_id, guest_of(name)))

    def count_attempt(self, minute: int, source: str) -> int:
        self._attempts[minute, source] += 1
        return self._attempts[minute, source]

    def _record(self, records: Sequence[Record]) -> None:
        if any(self.recorded_answer(record.request) is not None for record in records):
            raise VersionConflict
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
    """The ports ConnectionStore, DeadlineStore and RevocationStore.

    ``audiences`` are the rows that FakeAudiences reads.
    """

    def __init__(self, shards: int = 2, page_size: int = 1000, now: float = 0.0) -> None:
        self.shards = shards
        self.page_size = page_size
        self.now = now
        self._connections: dict[str, Connection] = {}
        self.audiences: dict[str, dict[str, Recipient]] = {}
        self._deadlines: dict[tuple[int, int], dict[str, ExpiredDeadline]] = {}
        self._revoked: dict[str, float] = {}
        self._issued: dict[tuple[str, str], float] = {}
        self.swept: int | None = None
        self.pages_read = 0

    def add(self, connection: Connection) -> None:
        self._connections[connection.connection_id] = connection
        self._place(connection)

    def get(self, connection_id: str) -> Connection | None:
        found = self._connections.get(connection_id)
        return found if found and found.connected_at + MAX_CONNECTION_SECONDS > self.now else None

    def authenticate(
        self,
        connection: Connection,
        claims: Claims,
        *,
        deadline: Deadline,
        position: int = 0,
        resume: Resume | None = None,
    ) -> None:
        self._require_unchanged(connection)
        now = self._connections[connection.connection_id]
        if now.revision != connection.revision or self._revoked.get(claims.subject, -1) >= claims.issued_at:
            raise ConnectionGone
        self._issued[claims.subject, connection.connection_id] = claims.issued_at
        known = replace(
            now.identified(claims, wants_cursor=resume is not None),
            revision=now.revision + 1,
            deadline=deadline,
        )
        self._connections[connection.connection_id] = known
        self._displace(now)
        self._place(known)
        for stream, followers in self.audiences.items():
            if connection.connection_id in followers:
                self._put(known, stream, 0, None)
        if claims.session is None:
            self._put(known, SESSIONS_STREAM, position, resume)

    def of_subject(self, subject: str, issued_until: float) -> Sequence[str]:
        issued = self._issued.items()
        return [one for (whose, one), at in issued if whose == subject and at <= issued_until]

    def revoked_at(self, subject: str) -> float | None:
        return self._revoked.get(subject)

    def revoke(self, subject: str, at: float) -> None:
        self._revoked[subject] = at

    def count_failed_auth(self, connection_id: str) -> int:
        connection = self.get(connection_id)
        if connection is None:
            raise ConnectionGone
        self._connections[connection_id] = replace(connection, failed_auths=connection.failed_auths + 1)
        return connection.failed_auths + 1

    def join(
        self, connection: Connection, stream: str, resume: Resume | None = None, *, position: int = 0
    ) -> None:
        self._require_unchanged(connection)
        now = self._connections[connection.connection_id]
        if connection.connection_id not in self.audiences.get(stream, {}):
            if now.subscriptions >= MAX_SUBSCRIPTIONS:
                if connection.subscriptions >= MAX_SUBSCRIPTIONS:
                    raise TooManySubscriptions
                raise ConnectionGone
            now = replace(now, subscriptions=now.subscriptions + 1)
            self._connections[connection.connection_id] = now
        self._put(connection, stream, position, resume)

    def leave(self, connection_id: str, stream: str) -> None:
        if self.audiences.get(stream, {}).pop(connection_id, None) is not None:
            now = self._connections[connection_id]
            self._connections[connection_id] = replace(now, subscriptions=now.subscriptions - 1)

    def remove(self, connection_id: str) -> None:
        removed = self._connections.pop(connection_id, None)
        if removed is not None:
            self._displace(removed)
            self._issued.pop((removed.subject or "", connection_id), None)
        for members in self.audiences.values():
            members.pop(connection_id, None)

    def _put(self, connection: Connection, stream: str, position: int, resume: Resume | None) -> None:
        followers = self.audiences.setdefault(stream, {})
        fresh = replace(connection.as_recipient(), wants_cursor=False, position=position)
        row = followers.get(connection.connection_id, fresh)
        row = replace(row, token_expires_at=fresh.token_expires_at)
        if resume is not None:
            row = replace(
                row,
                wants_cursor=True,
                behind=resume.behind,
                catching_up_until=resume.catching_up_until,
                missed=0,
                position=0,
            )
        followers[connection.connection_id] = row

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
        page = rest[: self.page_size]
        following = page[-1][0] if len(rest) > len(page) else None
        return DeadlinePage([row for _, row in page if row.deadline.at <= until], following)

    def drop(self, expired: ExpiredDeadline) -> None:
        rows = self._deadlines_beside(expired.connection_id, expired.deadline)
        if rows.get(_row_key(expired.connection_id, expired.deadline)) == expired:
            del rows[_row_key(expired.connection_id, expired.deadline)]

    def claim(self, connection: Connection, now: int) -> Connection | None:
        return self._revised(connection, closing_since=now)

    def move(
        self, connection: Connection, deadline: Deadline, notified: frozenset[DeadlineKind]
    ) -> Connection | None:
        moved = self._revised(connection, deadline=deadline, notified=notified)
        if moved is not None:
            self._displace(connection)
            self._place(moved)
        return moved

    def deadlines(self) -> list[ExpiredDeadline]:
        """Every deadline that there is."""
        return sorted(
            (row for rows in self._deadlines.values() for row in rows.values()),
            key=lambda row: (row.deadline, row.connection_id),
        )

    def leave_deadline(self, reached: ExpiredDeadline) -> None:
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
            row = ExpiredDeadline(connection.connection_id, connection.deadline, connection.revision)
            self.leave_deadline(row)

    def _displace(self, connection: Connection) -> None:
        if connection.deadline is not None:
            rows = self._deadlines_beside(connection.connection_id, connection.deadline)
            rows.pop(_row_key(connection.connection_id, connection.deadline), None)

    def _deadlines_beside(self, connection_id: str, deadline: Deadline) -> dict[str, ExpiredDeadline]:
        shard = shard_of(connection_id, self.shards)
        return self._deadlines.setdefault((deadline.minute, shard), {})


def _row_key(connection_id: str, deadline: Deadline) -> str:
    return f"{deadline.kind}#{connection_id}"

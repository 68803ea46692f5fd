"""Stores in memory that keep the promises of services.ports; the contract suite holds them to it."""

from dataclasses import replace
from itertools import islice

from chalicelib.domain.connections import ALL_AUDIENCE, Connection, Recipient, shard_of
from chalicelib.domain.events import Event
from chalicelib.domain.idempotency import IdempotentRequest, RecordedAnswer
from chalicelib.domain.identity import Claims
from chalicelib.domain.sessions import Session, StreamHead
from chalicelib.services.ports import AudiencePage, ConnectionGone, Record, StreamMoved


class FakeSessionStore:
    def __init__(self) -> None:
        self._head = StreamHead("fake", 0)
        self._sessions: dict[int, Session] = {}
        self._answers: dict[tuple[str, str], RecordedAnswer] = {}
        self.log: list[Event] = []

    def head(self) -> StreamHead:
        return self._head

    def start(self, head: StreamHead, session: Session, event: Event, record: Record | None) -> None:
        if head != self._head:
            raise StreamMoved
        if record is not None:
            key = (record.request.subject, record.request.key)
            if key in self._answers:
                raise StreamMoved
            self._answers[key] = RecordedAnswer(record.request.request_hash, record.answer)
        self._head = StreamHead(head.epoch, session.id)
        self._sessions[session.id] = session
        self.log.append(event)

    def session(self, session_id: int) -> Session | None:
        return self._sessions.get(session_id)

    def recorded_answer(self, request: IdempotentRequest) -> RecordedAnswer | None:
        return self._answers.get((request.subject, request.key))


class FakeConnectionStore:
    def __init__(self, shards: int = 2, page_size: int = 1000, now: float = 0.0) -> None:
        self._shards = shards
        self._page_size = page_size
        self.now = now
        self._connections: dict[str, Connection] = {}
        self._audiences: dict[tuple[str, int], dict[str, Recipient]] = {}

    def add(self, connection: Connection) -> None:
        self._connections[connection.connection_id] = connection

    def get(self, connection_id: str) -> Connection | None:
        return self._connections.get(connection_id)

    def authenticate(self, connection: Connection, claims: Claims, *, wants_cursor: bool) -> None:
        self._require_unchanged(connection)
        known = replace(
            connection,
            subject=claims.subject,
            role=claims.role,
            token_expires_at=claims.expires_at,
            failed_auths=0,
            wants_cursor=wants_cursor,
        )
        self._connections[connection.connection_id] = known
        shard = shard_of(connection.connection_id, self._shards)
        self._audiences.setdefault((ALL_AUDIENCE, shard), {})
        for (audience, _), members in self._audiences.items():
            if audience == ALL_AUDIENCE or connection.connection_id in members:
                self._put(known, audience)

    def count_failed_auth(self, connection_id: str) -> int:
        if connection_id not in self._connections:
            raise ConnectionGone
        connection = self._connections[connection_id]
        self._connections[connection_id] = replace(connection, failed_auths=connection.failed_auths + 1)
        return connection.failed_auths + 1

    def join(self, connection: Connection, audience: str, *, wants_cursor: bool) -> None:
        self._require_unchanged(connection)
        self._put(replace(connection, wants_cursor=wants_cursor), audience)

    def leave(self, connection_id: str, audience: str) -> None:
        self._audiences.get((audience, shard_of(connection_id, self._shards)), {}).pop(connection_id, None)

    def remove(self, connection_id: str) -> None:
        self._connections.pop(connection_id, None)
        for members in self._audiences.values():
            members.pop(connection_id, None)

    def audience(self, audience: str, shard: int, after: str | None = None) -> AudiencePage:
        members = sorted(self._audiences.get((audience, shard), {}).items())
        rest = [member for connection_id, member in members if after is None or connection_id > after]
        page = list(islice(rest, self._page_size))
        following = page[-1].connection_id if len(rest) > len(page) else None
        return AudiencePage([one for one in page if one.token_expires_at > self.now], following)

    def _put(self, connection: Connection, audience: str) -> None:
        shard = shard_of(connection.connection_id, self._shards)
        self._audiences.setdefault((audience, shard), {})[connection.connection_id] = (
            connection.as_recipient()
        )

    def _require_unchanged(self, connection: Connection) -> None:
        now = self._connections.get(connection.connection_id)
        if now is None or (now.subject, now.token_expires_at) != (
            connection.subject,
            connection.token_expires_at,
        ):
            raise ConnectionGone

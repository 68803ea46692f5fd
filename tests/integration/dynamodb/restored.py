"""A sessions table that is backed up and restored, with what reads and writes it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.idempotency import Idempotent
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter
from chalicelib.nights.queries import Queries
from chalicelib.nights.sessions import Session
from chalicelib.nights.streams import Streams
from chalicelib.retry import Backoff, TimeBudget
from infra.deploy.operate.epochs import DynamoEpochs
from tests.backup import Backup
from tests.fakes.identity import claims

MOMENT = datetime(2025, 11, 1, 20, tzinfo=UTC)
QUIPLASH = NewGame("Quiplash")
HOST = claims()
ANOTHER_GAME = NewGame("Another game")


@dataclass
class RestorableTable:
    """A table with what reads and writes it."""

    dynamodb: Any
    table: Table
    now: float = MOMENT.timestamp()

    def __post_init__(self) -> None:
        ids = iter(range(1000))
        self.store = DynamoSessionStore(self.table, MOMENT.timestamp, lambda: f"sessions{next(ids)}")
        commits = Idempotent(self.store.answers, Backoff(budget=TimeBudget(1.0)))
        counter = VoteCounter(self.store, self.store.pending, lambda: MOMENT)
        self.host = Hosting(counter, commits, lambda: MOMENT, lambda: f"session{next(ids)}")
        self.streams = Streams(self.store, self.store.log, sleep=lambda _: None)
        self.queries = Queries(self.store, self.streams)
        self.epochs = DynamoEpochs(self.table, self.store, lambda: self.now, lambda: f"new{next(ids)}")

    def start(self, games: int = 0) -> None:
        session_id = self.host.start(HOST, None)["id"]
        for _ in range(games):
            self.host.add_game(HOST, session_id, QUIPLASH)

    def back_up(self) -> Backup:
        return Backup.of(self.dynamodb, self.table.name)

    def session(self, session_id: int) -> Session:
        session = self.store.session(session_id)
        assert session is not None
        return session


def sequences(restorable: RestorableTable) -> list[int]:
    return [event.sequence for event in restorable.store.log.events(session_stream(1), 0, 10)]


def starts_in_both(restorable: RestorableTable) -> list[int]:
    """Return the sessions whose start is in the log of all sessions, and in their own too."""
    starts = restorable.store.log.events(SESSIONS_STREAM, 0, 10)
    for start in starts:
        [own] = restorable.store.log.events(session_stream(start.session_id), 0, 1)
        assert own.envelope == start.envelope
    return [start.session_id for start in starts]

"""The use cases of a night on a fake store, with a clock that only tests move."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec.structs import replace

from chalicelib.auth.claims import Role
from chalicelib.idempotency import Idempotent
from chalicelib.nights.events import Event, session_stream
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter
from chalicelib.nights.votes import PendingVote, Vote, VoteType
from chalicelib.nights.voting import Voting, pending_id
from chalicelib.retry import PATIENCE_SECONDS, Backoff, TimeBudget
from chalicelib.timestamps import milliseconds, timestamp
from tests.fakes.identity import claims
from tests.fakes.stores import FakeSessionStore

BOT = claims("kosmi", Role.BOT)
UP, DOWN = VoteType.UP, VoteType.DOWN


@dataclass
class FakeNights:
    """Nights whose waits take no time but the clock's. ``now`` is in Unix seconds."""

    store: FakeSessionStore = field(default_factory=FakeSessionStore)
    now: float = 1_762_027_200.0
    waits: int = 0
    random: Callable[[], float] = lambda: 1.0

    def __post_init__(self) -> None:
        budget = TimeBudget(PATIENCE_SECONDS, self.time)
        self.backoff = Backoff(budget=budget, random=self.random, sleep=self.wait, monotonic=self.time)
        commits = Idempotent(self.store, self.backoff)
        self.counter = VoteCounter(self.store, self.store, self.clock)
        self.host = Hosting(self.counter, commits, self.clock, lambda: "e")
        ids = itertools.count()
        self.voting = Voting(self.counter, commits, self.clock, lambda: f"id {next(ids):04}")

    def time(self) -> float:
        return self.now

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def wait(self, seconds: float) -> None:
        self.waits += 1
        self.now += seconds

    def pend(self, name: str, way: VoteType = UP, game_id: int = 1) -> PendingVote:
        """Store a vote of session 1 whose voter was killed right after, and let a millisecond pass."""
        asked_at = timestamp(self.clock())
        pending = PendingVote(pending_id(asked_at, f"of {name}"), Vote(game_id, name, way, asked_at))
        self.store.add(1, pending)
        self.now += 0.001
        return pending

    def crowd(self) -> None:
        """Have the next voters find that session 1 is crowded."""
        session = self.store._sessions[1]
        self.store._sessions[1] = replace(session, crowded_until=milliseconds(self.clock()) + 3000)

    def tallies(self) -> list[tuple[int, int]]:
        return [(game.upvotes, game.downvotes) for game in self.store.games(1)]

    def log(self, first: int = 1) -> Sequence[Event]:
        """Return the events of session 1 from one on."""
        return self.store.events(session_stream(1), first - 1, 1000)

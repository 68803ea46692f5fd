"""A service whose minutes pass as a test says, and what its sweeps log."""

import asyncio
from datetime import UTC, datetime

import pytest

from chalicelib.auth.claims import Claims, Role
from chalicelib.connections.clients import Connections
from chalicelib.connections.connection import Connection
from chalicelib.connections.expired_deadlines import ExpiredDeadlines
from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.connections.sweep import Sweep, SweepReport
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.events import SESSIONS_STREAM
from chalicelib.nights.streams import Streams
from tests.fakes.crowd import start
from tests.fakes.identity import claims
from tests.fakes.notices import FakeNotices
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

MIDNIGHT = 1_700_006_400
MINUTE = 60
HOUR = 60 * MINUTE
TIMEOUT = b"error auth_timeout"
EXPIRED = b"error token_expired"


class SecondsToLive:
    """Verifies tokens that say how many seconds after midnight they expire."""

    def verify(self, token: str) -> Claims:
        return claims("kosmi", Role.BOT, expires_at=MIDNIGHT + int(token))


class Service:
    """A service with a schedule that nobody but the test follows. ``now`` is seconds after midnight, and
    ``life`` the sweep's idea of how long what may last.

    ``behind`` is how much the clocks of those who write are behind that of the schedule.
    """

    def __init__(self, store: FakeConnectionStore | None = None, page_size: int = 1000) -> None:
        self.store = store or FakeConnectionStore(shards=2, page_size=page_size)
        self.sessions = FakeSessionStore()
        start(self.sessions)
        self.push = FakePush()
        self.life = ConnectionLife()
        self.now = 0
        self.behind = 0
        self.connections = Connections(
            self.store, Streams(self.sessions, self.sessions), SecondsToLive(), self.present
        )

    def present(self) -> datetime:
        return datetime.fromtimestamp(MIDNIGHT + self.now - self.behind, UTC)

    def connect(self, name: str = "abc=") -> None:
        self.connections.connect(Connection(name, "api", "dev", MIDNIGHT + self.now, "127.0.0.1"))

    def authenticated(self, expires: int, name: str = "abc=", *, resumes: bool = False) -> None:
        self.connect(name)
        self.connections.authenticate(name, str(expires), BEGINNING if resumes else None)

    def sweep_once(self, random: float = 0.5) -> SweepReport:
        return asyncio.run(self.sweeping(random))

    async def sweeping(self, random: float = 0.5, within: float = 5.0) -> SweepReport:
        due = ExpiredDeadlines(self.store, self.store, self.push, FakeNotices(), self.life, lambda: random)
        return await Sweep(self.store, due, shards=2).run(MIDNIGHT + self.now, within=within)

    def minutes_pass(self, until: int) -> None:
        """Sweep each minute until so many seconds after midnight."""
        while self.now + MINUTE <= until:
            self.now += MINUTE
            self.sweep_once()

    def notified(self, name: str = "abc=") -> list[bytes]:
        return [frame for connection_id, frame in self.push.posts if connection_id == name]

    def known(self, name: str = "abc=") -> Connection:
        return self.store.get(name) or pytest.fail(f"{name} is gone")

    def followers(self, stream: str = SESSIONS_STREAM) -> list[str]:
        return [*self.store.audiences.get(stream, {})]

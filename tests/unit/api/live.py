"""A client on a WebSocket: what it sends is answered, and what it is sent is kept."""

import json
from datetime import UTC, datetime
from typing import Any

from chalicelib.api.live.answers import Reply, Responder, answer
from chalicelib.connections.clients import Connections
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.connections.frame_limit import FrameLimit
from chalicelib.errors import Unavailable
from chalicelib.nights.streams import Streams
from tests.fakes.crowd import add, start
from tests.fakes.delivery import FakeDelivery
from tests.fakes.identity import FakeVerifier
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

SENDER = Recipient("abc=", "api", "dev")
AUTH = '{"type":"auth","token":"kosmi:bot"}'


class Down(FakeConnectionStore):
    """A store that may not answer."""

    down = False

    def get(self, connection_id: str) -> Connection | None:
        if self.down:
            raise Unavailable("told to")
        return super().get(connection_id)


class Live:
    """A connection called abc=, two sessions, and three events after the start of the first.

    ``now`` is in Unix seconds, and moves when a test says so.
    """

    def __init__(self, push: FakePush | None = None) -> None:
        self.now = 1000.0
        self.store = Down(shards=1, now=self.now)
        self.sessions = FakeSessionStore()
        start(self.sessions)
        start(self.sessions)
        for _ in range(3):
            add(self.sessions, 1)
        self.tokens = FakeVerifier()
        streams = Streams(self.sessions, self.sessions, lambda _: None)
        limit = FrameLimit(1, monotonic=lambda: 0.0)
        self.connections = Connections(self.store, streams, self.tokens, self.clock, frames=limit)
        self.connections.connect(Connection("abc=", "api", "dev", 1000, "127.0.0.1"))
        self.push = push or FakePush()
        self.delivery = FakeDelivery(self.store, self.push, sessions=self.sessions)
        self.responder = Responder(self.connections, self.push, lambda: self.delivery.catch_up)

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def pass_until(self, now: float) -> None:
        """Let time pass, for everybody."""
        self.now = self.store.now = self.push.now = now

    def reply(self, text: str) -> Reply:
        """Return the answer to a frame, and whether it closes the connection."""
        return answer(self.connections, self.clock, "abc=", text)

    def answer(self, text: str) -> Any:
        """Return the frame that answers a frame."""
        return json.loads(self.reply(text).frame)

    async def send(self, text: str) -> list[Any]:
        """Send a frame, and return the frames that come."""
        before = len(self.push.posts)
        await self.responder.send(SENDER, self.reply(text), within=60)
        return [json.loads(body) for _, body in self.push.posts[before:]]

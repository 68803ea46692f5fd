"""A session whose events are delivered to a few followers, and what each of them hears."""

import json
from typing import Any

from msgspec.structs import replace

from chalicelib.connections.connection import Recipient
from chalicelib.nights.events import LoggedEvent, session_stream
from tests.fakes.crowd import add, crowd, start
from tests.fakes.delivery import FakeDelivery
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

STREAM = session_stream(1)


class Deliveries:
    """Session 1, which has started, and followers of it called 0000=, 0001= ..."""

    def __init__(
        self, followers: int = 1, *, inline: int = 500, shards: int = 1, push: FakePush | None = None
    ) -> None:
        self.store = FakeConnectionStore(shards)
        self.push = push or FakePush()
        self.sessions = FakeSessionStore()
        start(self.sessions)
        self.delivery = FakeDelivery(self.store, self.push, inline=inline, sessions=self.sessions)
        self.ids = crowd(self.store, followers, session_id=1)

    def log(self, count: int = 1) -> list[LoggedEvent]:
        """Log the session's next events and return their records, which are named after them."""
        events = [add(self.sessions, 1) for _ in range(count)]
        return [LoggedEvent(str(event.sequence), event) for event in events]

    def row(self, connection_id: str = "0000=") -> Recipient:
        return self.store.audiences[STREAM][connection_id]

    def change(self, connection_id: str = "0000=", **changes: Any) -> None:
        """Change a follower's row."""
        self.store.audiences[STREAM][connection_id] = replace(self.row(connection_id), **changes)

    def heard(self, connection_id: str = "0000=") -> list[int]:
        """Return the numbers of the events that were posted to a follower."""
        return [json.loads(body)["n"] for one, body in self.push.posts if one == connection_id]

    def heard_by_all(self) -> dict[str, list[int]]:
        return {one: self.heard(one) for one in self.ids}

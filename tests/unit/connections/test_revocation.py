import asyncio
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from chalicelib.auth.claims import Role
from chalicelib.auth.ports import Guest
from chalicelib.connections.connection import Connection
from chalicelib.connections.revocation import Revocation
from chalicelib.errors import Forbidden, GuestNotFound, Unavailable
from tests.fakes.identity import claims
from tests.fakes.notices import FakeNotices
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore
from tests.integration.dynamodb.followers import END

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Hosting:
    """A host, and connections whose tokens were issued before and after the moment of a revocation."""

    def __init__(self) -> None:
        self.store = FakeConnectionStore()
        self.sessions = FakeSessionStore()
        self.push = FakePush()
        self.revocation = Revocation(
            self.store, self.sessions, self.store, self.push, FakeNotices(), lambda: NOW
        )

    def connect(self, connection_id: str, subject: str = "kosmi", issued: float = -1) -> None:
        connection = Connection(connection_id, "api", "dev", 0, "127.0.0.1")
        self.store.add(connection)
        who = replace(claims(subject, Role.BOT), issued_at=NOW.timestamp() + issued)
        self.store.authenticate(connection, who, deadline=END)

    def revoke(self, subject: str = "kosmi") -> None:
        asyncio.run(self.revocation.revoke(claims(), subject))


@pytest.fixture
def hosting() -> Hosting:
    return Hosting()


def test_whoever_showed_such_a_token_is_told_and_closed(hosting: Hosting) -> None:
    for connection_id in ("one=", "two="):
        hosting.connect(connection_id)
    hosting.connect("later=", issued=1)
    hosting.connect("irc=", "irc")

    hosting.revoke()

    assert {*hosting.push.disconnected} == {"one=", "two="}
    told = b"error token_revoked"
    assert sorted(hosting.push.posts) == [("one=", told), ("two=", told)]
    assert [hosting.store.get(one) is None for one in ("one=", "two=", "later=", "irc=")] == [1, 1, 0, 0]
    assert hosting.store.revoked_at("kosmi") == NOW.timestamp()


def test_what_stays_open_is_said_and_closed_when_asked_again(hosting: Hosting) -> None:
    hosting.connect("one=")
    hosting.connect("stuck=")
    hosting.push.stuck = {"stuck="}

    with pytest.raises(Unavailable, match="still open"):
        hosting.revoke()
    assert hosting.store.get("one=") is None
    hosting.push.stuck = set()
    hosting.revoke()

    assert hosting.store.get("stuck=") is None


def test_a_guest_is_removed_by_name(hosting: Hosting) -> None:
    hosting.sessions.add_guest(Guest(17, "Zoë", "guest-1"))
    hosting.connect("zoe=", "guest-1")

    asyncio.run(hosting.revocation.remove_guest(claims(), 17, " zoë"))

    assert hosting.store.get("zoe=") is None
    for session_id, name in ((18, "Zoë"), (17, "Ada")):
        with pytest.raises(GuestNotFound):
            asyncio.run(hosting.revocation.remove_guest(claims(), session_id, name))


@pytest.mark.parametrize("role", [Role.BOT, Role.GUEST])
def test_only_a_host_revokes(hosting: Hosting, role: Role) -> None:
    for work in (
        hosting.revocation.revoke(claims(role=role), "kosmi"),
        hosting.revocation.remove_guest(claims(role=role), 17, "Zoë"),
    ):
        with pytest.raises(Forbidden):
            asyncio.run(work)
    assert hosting.store.revoked_at("kosmi") is None

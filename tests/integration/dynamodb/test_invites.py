"""The stores of invites and revocations, in memory and on an engine."""

import pytest
from msgspec.structs import replace

from chalicelib.auth.claims import Role
from chalicelib.auth.ports import Guest, Invite
from chalicelib.connections.ports import ConnectionGone
from chalicelib.errors import NameTaken
from chalicelib.idempotency import IdempotentRequest, Record, VersionConflict
from chalicelib.nights.events import SESSIONS_STREAM
from tests.fakes.identity import claims
from tests.integration.dynamodb.conftest import ConnectionsTable, SessionsTable
from tests.integration.dynamodb.followers import END, NIGHT, connection, identify, known

INVITE = Invite("alice", 1_000_600, 17)
RECORD = Record(IdempotentRequest("", "k", "h"), '{"a":1}')


def test_an_invite_is_read_as_it_was_stored_and_used_once(sessions_table: SessionsTable) -> None:
    store = sessions_table.invites
    store.add_invite("guests", INVITE, [RECORD])
    store.add_invite("host", replace(INVITE, session=None))

    store.use_invite("host")

    assert store.invite("guests") == INVITE
    assert store.invite("host") == Invite("alice", 1_000_600, None, used=True)
    assert store.invite("nobody") is None
    assert sessions_table.answers.recorded_answer(RECORD.request) is not None
    with pytest.raises(VersionConflict):
        store.use_invite("host")
    with pytest.raises(VersionConflict):
        store.add_invite("more", INVITE, [RECORD])
    assert store.invite("more") is None


def test_a_name_is_one_guests_in_a_session(sessions_table: SessionsTable) -> None:
    store = sessions_table.invites
    zoe = Guest(17, "Zoë", "guest-1")
    store.add_guest(zoe, [RECORD])

    with pytest.raises(NameTaken):
        store.add_guest(Guest(17, "ZOE\u0308", "guest-2"))
    with pytest.raises(NameTaken):
        store.add_guest(zoe, [RECORD])
    with pytest.raises(VersionConflict):
        store.add_guest(Guest(17, "Ada", "guest-2"), [RECORD])
    with pytest.raises(NameTaken):
        store.add_guest(Guest(17, "Zo\u200bë\u202e", "guest-4"))  # it looks the same
    store.add_guest(Guest(18, "Zoë", "guest-3"))

    assert store.guest(17, " zoë") == zoe
    assert store.guest(17, "Ada") is None


def test_attempts_are_counted_by_minute_and_source(sessions_table: SessionsTable) -> None:
    count = sessions_table.invites.count_attempt

    counted = [count(5, "here"), count(5, "here"), count(5, "there"), count(6, "here")]

    assert counted == [1, 2, 1, 1]


def test_a_revocation_is_kept_by_its_subject(connections_table: ConnectionsTable) -> None:
    revocations = connections_table.revocations
    revocations.revoke("kosmi", 100.25)
    revocations.revoke("kosmi", 200.5)

    assert revocations.revoked_at("kosmi") == 200.5
    assert revocations.revoked_at("irc") is None


@pytest.mark.parametrize(("issued_at", "let_in"), [(99.5, False), (100.5, False), (100.6, True)])
def test_a_revoked_token_authenticates_nobody(
    connections_table: ConnectionsTable, issued_at: float, *, let_in: bool
) -> None:
    """The token was good when it was verified, and is revoked before the connection is stored."""
    store = connections_table.store
    store.add(connection())
    connections_table.revocations.revoke("bot", 100.5)
    who = replace(claims("bot"), issued_at=issued_at)

    if let_in:
        store.authenticate(connection(), who, deadline=END)
    else:
        with pytest.raises(ConnectionGone):
            store.authenticate(connection(), who, deadline=END)

    assert known(store).authenticated is let_in


def test_the_connections_of_a_subject_are_found_until_they_are_removed(
    connections_table: ConnectionsTable,
) -> None:
    store = connections_table.store
    for name, issued_at in (("old=", 100.0), ("new=", 200.0)):
        one = replace(connection(), connection_id=name)
        store.add(one)
        store.authenticate(one, replace(claims("bot"), issued_at=issued_at), deadline=END)

    assert [*store.of_subject("bot", 150)] == ["old="]
    assert {*store.of_subject("bot", 200)} == {"old=", "new="}
    assert [*store.of_subject("irc", 200)] == []
    store.remove("old=")
    assert [*store.of_subject("bot", 200)] == ["new="]


async def test_a_guest_is_in_the_audience_of_its_session_only(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    guest = replace(claims("guest-1", Role.GUEST), session=17, name="Zoë")
    store.add(connection())

    store.join(identify(store, connection(), who=guest), NIGHT)

    assert known(store).session == 17
    assert await connections_table.everyone(SESSIONS_STREAM) == []
    assert [one.connection_id for one in await connections_table.everyone(NIGHT)] == ["abc="]

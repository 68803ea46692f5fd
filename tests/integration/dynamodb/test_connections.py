import pytest
from msgspec.structs import replace

from chalicelib.connections.connection import Recipient
from chalicelib.connections.ports import ConnectionGone, Resume
from chalicelib.nights.events import SESSIONS_STREAM
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import NOW, ConnectionsTable
from tests.integration.dynamodb.followers import (
    END,
    NIGHT,
    OTHER_NIGHT,
    authenticated,
    connection,
    identify,
    known,
)

LATER = FAR_FUTURE + 1
RESUME = Resume(behind=3, catching_up_until=int(NOW) + 30)


async def test_a_connection_is_read_back_as_it_was_opened(connections_table: ConnectionsTable) -> None:
    connections_table.store.add(connection())

    assert connections_table.store.get("abc=") == connection()
    assert connections_table.store.get("other=") is None


async def test_authenticating_twice_from_the_same_read_fails(connections_table: ConnectionsTable) -> None:
    authenticated(connections_table.store)

    with pytest.raises(ConnectionGone):
        identify(connections_table.store, connection(), who=claims("somebody else"))


async def test_removing_a_connection_leaves_no_trace(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    store.join(authenticated(store), NIGHT)

    store.remove("abc=")
    store.remove("abc=")

    assert store.get("abc=") is None
    assert await connections_table.everyone(NIGHT) == []
    assert await connections_table.everyone(SESSIONS_STREAM) == []


async def test_failed_auths_are_counted_until_one_succeeds(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    store.add(connection())

    counted = [store.count_failed_auth("abc="), store.count_failed_auth("abc=")]
    after = identify(store, known(store))

    assert counted == [1, 2]
    assert after.failed_auths == 0


async def test_who_joins_again_with_a_place_is_behind_anew(connections_table: ConnectionsTable) -> None:
    store, audiences = connections_table.store, connections_table.audiences
    store.join(authenticated(store), NIGHT, RESUME)
    await audiences.become_live(NIGHT, "abc=", 3, 7)
    await audiences.fall_behind(NIGHT, "abc=", 8, 9)

    store.join(known(store), NIGHT, Resume(5, int(NOW) + 60))

    [row] = await connections_table.everyone(NIGHT)
    assert (row.behind, row.missed, row.position) == (5, 0, 0)
    assert row.catching_up_until == int(NOW) + 60


async def test_who_joins_without_a_place_gets_no_earlier_event(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    store.add(connection())
    store.authenticate(connection(), claims("bot"), deadline=END, position=5)
    store.join(known(store), NIGHT, position=7)

    store.join(known(store), NIGHT, position=8)
    store.authenticate(known(store), claims("bot"), deadline=END, position=9)

    positions = {stream: await connections_table.everyone(stream) for stream in (SESSIONS_STREAM, NIGHT)}
    assert [one.position for one in positions[SESSIONS_STREAM]] == [5]
    assert [one.position for one in positions[NIGHT]] == [7]


async def test_a_renewed_token_leaves_who_is_behind_where_it_is(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    store.join(authenticated(store, resume=RESUME), NIGHT, RESUME)

    identify(store, known(store), who=claims("bot", expires_at=LATER))

    for stream in (NIGHT, SESSIONS_STREAM):
        [row] = await connections_table.everyone(stream)
        assert (row.behind, row.token_expires_at, row.wants_cursor) == (3, LATER, True)


async def test_opting_in_to_a_stream_stays_until_it_is_left(connections_table: ConnectionsTable) -> None:
    store = connections_table.store

    async def opted_in(stream: str) -> list[bool]:
        return [one.wants_cursor for one in await connections_table.everyone(stream)]

    first = authenticated(store)
    store.join(first, NIGHT, RESUME)
    store.join(first, OTHER_NIGHT)

    store.join(first, NIGHT)
    identify(store, known(store), who=claims("bot", expires_at=LATER))
    stays = await opted_in(NIGHT)
    store.leave("abc=", NIGHT)
    store.join(known(store), NIGHT)

    assert stays == [True]
    assert await opted_in(NIGHT) == await opted_in(OTHER_NIGHT) == await opted_in(SESSIONS_STREAM) == [False]
    assert not known(store).wants_cursor


async def test_who_left_can_neither_authenticate_nor_join(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    left = authenticated(store)
    with pytest.raises(ConnectionGone):
        store.join(connection(), NIGHT)  # as it was before it authenticated
    store.remove("abc=")

    with pytest.raises(ConnectionGone):
        identify(store, left)
    with pytest.raises(ConnectionGone):
        store.join(left, NIGHT)
    with pytest.raises(ConnectionGone):
        store.count_failed_auth("abc=")


@pytest.mark.parametrize("resume", [None, RESUME])
async def test_only_who_has_authenticated_follows_the_starts(
    connections_table: ConnectionsTable, resume: Resume | None
) -> None:
    connections_table.store.add(connection("silent="))
    after = authenticated(connections_table.store, resume=resume)

    [row] = await connections_table.everyone(SESSIONS_STREAM)

    live = Recipient("abc=", "api", "dev", FAR_FUTURE)
    behind = replace(live, wants_cursor=True, behind=3, catching_up_until=int(NOW) + 30)
    assert after.wants_cursor is (resume is not None)
    assert row == (behind if resume else live)

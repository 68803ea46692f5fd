from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.aws.dynamodb.connections.audiences import PAGE_SIZE
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.tables import Table
from chalicelib.connections.connection import ALL_AUDIENCE, Connection, Recipient, session_audience
from chalicelib.connections.ports import ConnectionGone, ConnectionStore
from chalicelib.errors import TooManySubscriptions
from chalicelib.limits import MAX_SUBSCRIPTIONS
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import SHARDS, Everyone, read_all

NIGHT = session_audience(17)


def connection(connection_id: str = "abc=") -> Connection:
    return Connection(connection_id, "api", "dev", connected_at=1_000_000, source_ip="127.0.0.1")


def authenticated(store: ConnectionStore, connection_id: str = "abc=") -> Connection:
    store.add(connection(connection_id))
    store.authenticate(connection(connection_id), claims("bot"), wants_cursor=False)
    found = store.get(connection_id)
    assert found is not None
    return found


def test_a_connection_is_read_back_as_it_was_opened(connections: ConnectionStore) -> None:
    connections.add(connection())

    assert connections.get("abc=") == connection()
    assert connections.get("other=") is None


def test_only_who_has_authenticated_is_in_the_audience_of_all(
    connections: ConnectionStore, everyone: Everyone
) -> None:
    connections.add(connection("silent="))
    authenticated(connections, "abc=")

    recipients = everyone(ALL_AUDIENCE)

    assert recipients == [Recipient("abc=", "api", "dev", FAR_FUTURE)]


def test_an_expired_token_is_not_in_any_page(connections: ConnectionStore, everyone: Everyone) -> None:
    connections.add(connection())
    connections.authenticate(connection(), claims("bot", expires_at=999_999), wants_cursor=False)

    assert everyone(ALL_AUDIENCE) == []


def test_authenticating_twice_from_the_same_read_fails(connections: ConnectionStore) -> None:
    authenticated(connections)

    with pytest.raises(ConnectionGone):
        connections.authenticate(connection(), claims("somebody else"), wants_cursor=False)


def test_authenticating_again_renews_every_audience(connections: ConnectionStore, everyone: Everyone) -> None:
    known = authenticated(connections)
    connections.join(known, NIGHT, wants_cursor=False)

    connections.authenticate(known, claims("bot", expires_at=FAR_FUTURE + 1), wants_cursor=False)

    assert [one.token_expires_at for one in everyone(NIGHT)] == [FAR_FUTURE + 1]
    assert [one.token_expires_at for one in everyone(ALL_AUDIENCE)] == [FAR_FUTURE + 1]


def test_a_connection_that_left_can_neither_authenticate_nor_join(connections: ConnectionStore) -> None:
    known = authenticated(connections)
    connections.remove("abc=")

    with pytest.raises(ConnectionGone):
        connections.authenticate(known, claims("bot"), wants_cursor=False)
    with pytest.raises(ConnectionGone):
        connections.join(known, NIGHT, wants_cursor=False)
    with pytest.raises(ConnectionGone):
        connections.count_failed_auth("abc=")


def test_an_unauthenticated_view_of_a_connection_cannot_join(connections: ConnectionStore) -> None:
    authenticated(connections)

    with pytest.raises(ConnectionGone):
        connections.join(connection(), NIGHT, wants_cursor=False)


def test_joining_twice_is_being_in_once(connections: ConnectionStore, everyone: Everyone) -> None:
    known = authenticated(connections)

    connections.join(known, NIGHT, wants_cursor=False)
    connections.join(known, NIGHT, wants_cursor=False)

    assert [one.connection_id for one in everyone(NIGHT)] == ["abc="]


def test_leaving_ends_one_subscription_only(connections: ConnectionStore, everyone: Everyone) -> None:
    known = authenticated(connections)
    connections.join(known, NIGHT, wants_cursor=False)
    connections.join(known, session_audience(18), wants_cursor=False)

    connections.leave("abc=", NIGHT)
    connections.leave("abc=", NIGHT)

    assert everyone(NIGHT) == []
    assert len(everyone(session_audience(18))) == 1


def test_removing_a_connection_leaves_no_trace(connections: ConnectionStore, everyone: Everyone) -> None:
    known = authenticated(connections)
    connections.join(known, NIGHT, wants_cursor=False)

    connections.remove("abc=")
    connections.remove("abc=")

    assert connections.get("abc=") is None
    assert everyone(NIGHT) == []
    assert everyone(ALL_AUDIENCE) == []


def test_failed_authentications_are_counted_until_one_succeeds(connections: ConnectionStore) -> None:
    connections.add(connection())

    counted = [connections.count_failed_auth("abc="), connections.count_failed_auth("abc=")]
    failed = connections.get("abc=")
    assert failed is not None
    connections.authenticate(failed, claims("bot"), wants_cursor=False)

    known = connections.get("abc=")
    assert counted == [1, 2]
    assert known is not None
    assert known.failed_auths == 0


def test_whoever_opted_in_to_resume_is_known_for_it(connections: ConnectionStore, everyone: Everyone) -> None:
    connections.add(connection())

    connections.authenticate(connection(), claims("bot"), wants_cursor=True)

    assert [one.wants_cursor for one in everyone(ALL_AUDIENCE)] == [True]
    known = connections.get("abc=")
    assert known is not None
    assert known.wants_cursor


def test_opting_in_is_for_one_audience_and_stays_until_it_is_left(
    connections: ConnectionStore, everyone: Everyone
) -> None:
    known = authenticated(connections)
    connections.join(known, NIGHT, wants_cursor=True)
    connections.join(known, session_audience(18), wants_cursor=False)

    connections.join(known, NIGHT, wants_cursor=False)
    connections.authenticate(known, claims("bot", expires_at=FAR_FUTURE + 1), wants_cursor=False)
    stays = [one.wants_cursor for one in everyone(NIGHT)]
    connections.leave("abc=", NIGHT)
    connections.join(connections.get("abc=") or pytest.fail("gone"), NIGHT, wants_cursor=False)

    assert stays == [True]
    assert [one.wants_cursor for one in everyone(NIGHT)] == [False]
    assert [one.wants_cursor for one in everyone(session_audience(18))] == [False]
    assert [one.wants_cursor for one in everyone(ALL_AUDIENCE)] == [False]
    assert not (connections.get("abc=") or pytest.fail("gone")).wants_cursor


def subscriptions(store: ConnectionStore) -> int:
    return (store.get("abc=") or pytest.fail("gone")).subscriptions


def test_authenticating_again_renews_as_many_audiences_as_a_connection_can_be_in(
    connections: ConnectionStore, everyone: Everyone
) -> None:
    known = authenticated(connections)
    audiences = [session_audience(number) for number in range(1, MAX_SUBSCRIPTIONS + 1)]
    for audience in audiences:
        connections.join(known, audience, wants_cursor=False)

    connections.authenticate(known, claims("bot", expires_at=FAR_FUTURE + 1), wants_cursor=False)

    expiries = [one.token_expires_at for audience in audiences for one in everyone(audience)]
    assert expiries == [FAR_FUTURE + 1] * MAX_SUBSCRIPTIONS
    assert subscriptions(connections) == MAX_SUBSCRIPTIONS


def test_a_connection_is_in_no_more_audiences_than_one_may_until_it_leaves_one(
    connections: ConnectionStore, everyone: Everyone
) -> None:
    known = authenticated(connections)
    for number in range(1, MAX_SUBSCRIPTIONS + 1):
        connections.join(known, session_audience(number), wants_cursor=False)
    full = connections.get("abc=") or pytest.fail("gone")

    with pytest.raises(ConnectionGone):
        connections.join(known, session_audience(99), wants_cursor=False)
    with pytest.raises(TooManySubscriptions):
        connections.join(full, session_audience(99), wants_cursor=False)
    connections.join(full, session_audience(1), wants_cursor=True)
    connections.leave("abc=", session_audience(1))
    connections.join(connections.get("abc=") or pytest.fail("gone"), session_audience(99), wants_cursor=False)

    assert subscriptions(connections) == MAX_SUBSCRIPTIONS
    assert everyone(session_audience(1)) == []
    assert len(everyone(session_audience(99))) == 1


def test_only_a_subscription_that_is_new_and_an_end_that_ends_one_are_counted(
    connections: ConnectionStore,
) -> None:
    known = authenticated(connections)
    for _ in range(2):
        connections.join(known, NIGHT, wants_cursor=False)
    once = subscriptions(connections)

    for _ in range(2):
        connections.leave("abc=", NIGHT)

    assert (once, subscriptions(connections)) == (1, 0)


def test_whoever_joins_at_the_same_time_is_counted_too(table: Callable[[], Table]) -> None:
    store = DynamoConnectionStore(table(), SHARDS, lambda: 1_000_000.0)
    authenticated(store)
    wanted = MAX_SUBSCRIPTIONS + 14

    def join(number: int) -> bool:
        while True:
            try:
                store.join(
                    store.get("abc=") or pytest.fail("gone"), session_audience(number), wants_cursor=False
                )
            except ConnectionGone:
                continue  # somebody else was first, as the use case takes it
            except TooManySubscriptions:
                return False
            return True

    with ThreadPoolExecutor(8) as threads:
        joined = [*threads.map(join, range(1, wanted + 1))]

    assert joined.count(True) == subscriptions(store) == MAX_SUBSCRIPTIONS
    assert joined.count(False) == wanted - MAX_SUBSCRIPTIONS


def test_an_audience_larger_than_a_page_is_read_to_its_end(table: Callable[[], Table], dynamodb: Any) -> None:
    crowded = table()
    ids = [f"{number:05}=" for number in range(PAGE_SIZE + 7)]
    for start in range(0, len(ids), 25):
        dynamodb.batch_write_item(
            RequestItems={
                crowded.name: [
                    {"PutRequest": {"Item": _recipient_row(one)}} for one in ids[start : start + 25]
                ]
            }
        )

    read = [one.connection_id for one in read_all(crowded, "crowd")]

    assert read == ids


def _recipient_row(connection_id: str) -> dict[str, Any]:
    return {
        "PK": {"S": "audience#crowd#0"},
        "SK": {"S": connection_id},
        "api_id": {"S": "api"},
        "stage": {"S": "dev"},
        "token_expires_at": {"N": str(FAR_FUTURE)},
        "wants_cursor": {"BOOL": False},
        "expires_at": {"N": str(FAR_FUTURE)},
    }


def test_no_item_of_a_removed_connection_is_left_in_the_table(
    table: Callable[[], Table], dynamodb: Any
) -> None:
    left = table()
    store = DynamoConnectionStore(left, SHARDS, lambda: 1_000_000.0)
    known = authenticated(store)
    store.join(known, NIGHT, wants_cursor=False)

    store.remove("abc=")

    assert dynamodb.scan(TableName=left.name)["Items"] == []


class LeavesMeanwhile(DynamoConnectionStore):
    """A store whose connection unsubscribes right after its subscriptions were read to renew its token."""

    def _subscriptions(self, connection: Connection) -> list[str]:
        found = super()._subscriptions(connection)
        self.leave(connection.connection_id, NIGHT)
        return found


class JoinsMeanwhile(DynamoConnectionStore):
    """A store whose connection subscribes right after its subscriptions were read to renew its token."""

    def _subscriptions(self, connection: Connection) -> list[str]:
        found = super()._subscriptions(connection)
        if NIGHT not in found:
            self.join(connection, NIGHT, wants_cursor=False)
        return found


def test_a_subscription_that_begins_while_a_token_is_renewed_is_renewed_too(
    table: Callable[[], Table],
) -> None:
    made = table()
    store = JoinsMeanwhile(made, SHARDS, lambda: 1_000_000.0)
    known = authenticated(store)
    renewed = claims("bot", expires_at=FAR_FUTURE + 1)

    store.authenticate(known, renewed, wants_cursor=False)

    for audience in (NIGHT, ALL_AUDIENCE):
        assert [one.token_expires_at for one in read_all(made, audience)] == [FAR_FUTURE + 1]


def test_an_end_of_a_subscription_while_a_token_is_renewed_is_not_undone(
    table: Callable[[], Table],
) -> None:
    made = table()
    store = LeavesMeanwhile(made, SHARDS, lambda: 1_000_000.0)
    known = authenticated(store)
    store.join(known, NIGHT, wants_cursor=False)
    renewed = claims("bot", expires_at=FAR_FUTURE + 1)

    with pytest.raises(ConnectionGone):
        store.authenticate(known, renewed, wants_cursor=False)
    store.authenticate(known, renewed, wants_cursor=False)

    assert read_all(made, NIGHT) == []
    assert [one.token_expires_at for one in read_all(made, ALL_AUDIENCE)] == [FAR_FUTURE + 1]

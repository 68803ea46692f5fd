"""Which streams a connection follows and how many, whatever happens at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.connection import Connection
from chalicelib.connections.ports import ConnectionGone, Resume
from chalicelib.errors import TooManySubscriptions
from chalicelib.limits import MAX_SUBSCRIPTIONS
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import NOW, SHARDS, ConnectionsTable, read_all
from tests.integration.dynamodb.followers import END, NIGHT, OTHER_NIGHT, authenticated, identify, known

ALLOWED = [session_stream(number) for number in range(1, MAX_SUBSCRIPTIONS + 1)]
ONE_MORE = session_stream(99)


def test_whoever_joins_at_the_same_time_is_counted_too(table: Callable[[], Table]) -> None:
    store = DynamoConnectionStore(table(), SHARDS, lambda: NOW)
    authenticated(store)
    wanted = MAX_SUBSCRIPTIONS + 14

    def join(number: int) -> bool:
        while True:
            try:
                store.join(known(store), session_stream(number))
            except ConnectionGone:
                continue  # somebody else was first, as the use case takes it
            except TooManySubscriptions:
                return False
            return True

    with ThreadPoolExecutor(8) as threads:
        joined = [*threads.map(join, range(1, wanted + 1))]

    assert joined.count(True) == known(store).subscriptions == MAX_SUBSCRIPTIONS
    assert joined.count(False) == wanted - MAX_SUBSCRIPTIONS


class Meanwhile(DynamoConnectionStore):
    """A store in which things happen, each once, right after subscriptions were read to renew a token."""

    happen: tuple[Callable[[], None], ...] = ()

    def _subscriptions(self, connection: Connection) -> list[str]:
        found, happen, self.happen = super()._subscriptions(connection), self.happen, ()
        for one in happen:
            one()
        return found


@pytest.fixture
def meanwhile(table: Callable[[], Table]) -> tuple[Table, Meanwhile]:
    made = table()
    return made, Meanwhile(made, SHARDS, lambda: NOW)


def test_a_subscription_that_begins_during_a_renewal_is_renewed(meanwhile: tuple[Table, Meanwhile]) -> None:
    made, store = meanwhile
    before = authenticated(store)
    store.happen = (lambda: store.join(before, NIGHT),)

    identify(store, before, who=claims("bot", expires_at=FAR_FUTURE + 1))

    for stream in (NIGHT, SESSIONS_STREAM):
        assert [one.token_expires_at for one in read_all(made, stream)] == [FAR_FUTURE + 1]


def test_a_subscription_that_ends_during_a_renewal_has_ended(meanwhile: tuple[Table, Meanwhile]) -> None:
    made, store = meanwhile
    before = authenticated(store)
    store.join(before, NIGHT)
    store.happen = (lambda: store.leave("abc=", NIGHT),)
    renewed = claims("bot", expires_at=FAR_FUTURE + 1)

    with pytest.raises(ConnectionGone):
        store.authenticate(before, renewed, deadline=END)
    store.authenticate(before, renewed, deadline=END)

    assert read_all(made, NIGHT) == []
    assert [one.token_expires_at for one in read_all(made, SESSIONS_STREAM)] == [FAR_FUTURE + 1]


async def test_joining_and_leaving_twice_count_once(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    joining = authenticated(store)
    for stream in (NIGHT, NIGHT, OTHER_NIGHT):
        store.join(joining, stream)
    joined = known(store).subscriptions

    store.leave("abc=", NIGHT)
    store.leave("abc=", NIGHT)

    assert (joined, known(store).subscriptions) == (2, 1)
    assert await connections_table.everyone(NIGHT) == []
    assert len(await connections_table.everyone(OTHER_NIGHT)) == 1


async def test_a_subscription_too_many_is_refused_until_one_ends(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    joining = authenticated(store)
    for stream in ALLOWED:
        store.join(joining, stream)
    identify(store, known(store), who=claims("bot", expires_at=FAR_FUTURE + 1))
    full = known(store)
    rows = [one for stream in ALLOWED for one in await connections_table.everyone(stream)]

    with pytest.raises(ConnectionGone):
        store.join(joining, ONE_MORE)
    with pytest.raises(TooManySubscriptions):
        store.join(full, ONE_MORE)
    store.join(full, ALLOWED[0], Resume(1, 0))
    store.leave("abc=", ALLOWED[0])
    store.join(known(store), ONE_MORE)

    assert [one.token_expires_at for one in rows] == [FAR_FUTURE + 1] * MAX_SUBSCRIPTIONS
    assert full.subscriptions == known(store).subscriptions == MAX_SUBSCRIPTIONS
    assert await connections_table.everyone(ALLOWED[0]) == []
    assert len(await connections_table.everyone(ONE_MORE)) == 1

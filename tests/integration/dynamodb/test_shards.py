"""What docs/scaling.md says of a number of shards that changes under open connections."""

from collections.abc import Callable

import pytest

from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.tables import Table
from chalicelib.connections.connection import ALL_AUDIENCE, Connection, session_audience, shard_of
from chalicelib.connections.ports import ConnectionGone
from tests.fakes.identity import claims
from tests.integration.dynamodb.conftest import NOW, SHARDS, read_all

NIGHT = session_audience(17)
MOVED = next(name for name in "abcdefgh" if shard_of(name, SHARDS) != 0)
"""A connection that is not in the first shard, where there is more than one."""


def open_connection(store: DynamoConnectionStore, connection_id: str = MOVED) -> Connection:
    store.add(Connection(connection_id, "api", "dev", connected_at=int(NOW), source_ip="127.0.0.1"))
    return reread(store, connection_id)


def reread(store: DynamoConnectionStore, connection_id: str) -> Connection:
    found = store.get(connection_id)
    assert found is not None
    return found


def heard_by(table: Table, audience: str) -> list[str]:
    return [one.connection_id for one in read_all(table, audience)]


def test_with_more_shards_open_connections_are_heard_of_and_begin_to_get_things_wrong(
    table: Callable[[], Table],
) -> None:
    made = table()
    before, after = (DynamoConnectionStore(made, shards, lambda: NOW) for shards in (1, SHARDS))
    before.authenticate(open_connection(before), claims("bot"), wants_cursor=False)

    assert heard_by(made, ALL_AUDIENCE) == [MOVED]

    after.authenticate(reread(after, MOVED), claims("bot"), wants_cursor=False)
    assert heard_by(made, ALL_AUDIENCE) == [MOVED, MOVED]

    before.join(reread(before, MOVED), NIGHT, wants_cursor=False)
    with pytest.raises(ConnectionGone):
        after.authenticate(reread(after, MOVED), claims("bot"), wants_cursor=False)
    after.leave(MOVED, NIGHT)
    assert heard_by(made, NIGHT) == [MOVED]


def test_with_fewer_shards_open_connections_hear_nothing(table: Callable[[], Table]) -> None:
    made = table()
    before = DynamoConnectionStore(made, 1000, lambda: NOW)
    before.authenticate(open_connection(before), claims("bot"), wants_cursor=False)

    assert heard_by(made, ALL_AUDIENCE) == []

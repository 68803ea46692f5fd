"""What docs/scaling.md says of a number of shards that changes under open connections."""

from collections.abc import Callable

import pytest

from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.connection import Connection, shard_of
from chalicelib.connections.ports import ConnectionGone
from chalicelib.nights.events import SESSIONS_STREAM
from tests.integration.dynamodb.conftest import NOW, SHARDS, read_all
from tests.integration.dynamodb.followers import NIGHT, identify, known

MOVED = next(name for name in "abcdefgh" if shard_of(name, SHARDS) != 0)
"""A connection that is not in the first shard, where there is more than one."""


def open_connection(store: DynamoConnectionStore, connection_id: str = MOVED) -> Connection:
    store.add(Connection(connection_id, "api", "dev", connected_at=int(NOW), source_ip="127.0.0.1"))
    return known(store, connection_id)


def heard_by(table: Table, stream: str) -> list[str]:
    return [one.connection_id for one in read_all(table, stream)]


def test_with_more_shards_open_connections_go_wrong(
    table: Callable[[], Table],
) -> None:
    made = table()
    before, after = (DynamoConnectionStore(made, shards, lambda: NOW) for shards in (1, SHARDS))
    identify(before, open_connection(before))

    assert heard_by(made, SESSIONS_STREAM) == [MOVED]

    identify(after, known(after, MOVED))
    assert heard_by(made, SESSIONS_STREAM) == [MOVED, MOVED]

    before.join(known(before, MOVED), NIGHT)
    with pytest.raises(ConnectionGone):
        identify(after, known(after, MOVED))
    after.leave(MOVED, NIGHT)
    assert heard_by(made, NIGHT) == [MOVED]


def test_with_fewer_shards_open_connections_hear_nothing(table: Callable[[], Table]) -> None:
    made = table()
    before = DynamoConnectionStore(made, 1000, lambda: NOW)
    identify(before, open_connection(before))

    assert heard_by(made, SESSIONS_STREAM) == []

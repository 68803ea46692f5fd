"""A row whose ``expires_at`` has passed counts as deleted: TTL deletes within days."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.connections.deadlines import DynamoDeadlineStore
from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.ports import ConnectionGone
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import NOW, SHARDS, read_all
from tests.integration.dynamodb.followers import END, NIGHT, authenticated, identify, known


class ExpiringRows:
    """A table with the stores on it, the time, and a way to let single rows expire."""

    def __init__(self, table: Table, dynamodb: Any) -> None:
        self.now = NOW
        self.table = table
        self.dynamodb = dynamodb
        self.connections = DynamoConnectionStore(table, SHARDS, lambda: self.now)
        self.deadlines = DynamoDeadlineStore(table, SHARDS, lambda: self.now)
        self.connections.join(authenticated(self.connections), NIGHT)
        self.joined = known(self.connections)

    def expire(self, prefix: str) -> None:
        """Let rows expire whose "PK SK" begins so."""
        for row in self.dynamodb.scan(TableName=self.table.name)["Items"]:
            if f"{row['PK']['S']} {row['SK']['S']}".startswith(prefix):
                row["expires_at"] = {"N": str(int(self.now))}
                self.dynamodb.put_item(TableName=self.table.name, Item=row)


@pytest.fixture
def rows(table: Callable[[], Table], dynamodb: Any) -> ExpiringRows:
    return ExpiringRows(table(), dynamodb)


def test_an_expired_connection_is_removed_whole(rows: ExpiringRows) -> None:
    rows.now += MAX_CONNECTION_SECONDS
    with pytest.raises(ConnectionGone):
        rows.connections.count_failed_auth("abc=")

    rows.connections.remove("abc=")

    assert rows.dynamodb.scan(TableName=rows.table.name)["Items"] == []


def test_an_expired_subscription_is_made_anew_and_not_renewed(rows: ExpiringRows) -> None:
    rows.expire(f"connection#abc= audience#{NIGHT}")

    rows.connections.leave("abc=", NIGHT)
    identify(rows.connections, rows.joined, who=claims("bot", expires_at=FAR_FUTURE + 1))
    left = known(rows.connections).subscriptions
    not_renewed = [one.token_expires_at for one in read_all(rows.table, NIGHT)]
    rows.connections.join(known(rows.connections), NIGHT)

    assert (left, known(rows.connections).subscriptions) == (1, 2)
    assert not_renewed == [FAR_FUTURE]
    assert [one.connection_id for one in read_all(rows.table, NIGHT)] == ["abc="]


def test_an_expired_deadline_is_not_reached(rows: ExpiringRows) -> None:
    def reached() -> int:
        pages = [rows.deadlines.page(END.minute, shard, FAR_FUTURE) for shard in range(SHARDS)]
        return sum(len(page.expired) for page in pages)

    before = reached()
    rows.expire("deadline#")

    assert (before, reached()) == (1, 0)

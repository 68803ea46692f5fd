"""A row whose ``expires_at`` has passed counts as deleted: TTL deletes within days."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.connections.deadlines import DynamoDeadlineStore
from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.nights.events import session_stream
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import NOW, SHARDS, read_all

NIGHT = session_stream(17)
END = Deadline(int(NOW) + 3600, DeadlineKind.END)


class ExpiringRows:
    """One table with the stores on it, the time, and a way to let single rows expire."""

    def __init__(self, table: Table, dynamodb: Any) -> None:
        self.now = NOW
        self.table = table
        self.dynamodb = dynamodb
        self.connections = DynamoConnectionStore(table, SHARDS, lambda: self.now)
        self.deadlines = DynamoDeadlineStore(table, SHARDS, lambda: self.now)
        self.sessions = DynamoSessionStore(table, lambda: self.now)

    def joined(self) -> Connection:
        soon = Deadline(int(NOW) + 30, DeadlineKind.AUTHENTICATE)
        opened = Connection("abc=", "api", "dev", int(NOW), "127.0.0.1", deadline=soon)
        self.connections.add(opened)
        self.connections.authenticate(opened, claims("bot"), deadline=END)
        self.connections.join(self.known(), NIGHT)
        return self.known()

    def known(self) -> Connection:
        return self.connections.get("abc=") or pytest.fail("it is gone")

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
    rows.joined()
    rows.now += MAX_CONNECTION_SECONDS

    rows.connections.remove("abc=")

    assert rows.dynamodb.scan(TableName=rows.table.name)["Items"] == []


def test_an_expired_subscription_is_made_anew_and_not_renewed(rows: ExpiringRows) -> None:
    before = rows.joined()
    rows.expire(f"connection#abc= audience#{NIGHT}")

    rows.connections.leave("abc=", NIGHT)
    rows.connections.authenticate(before, claims("bot", expires_at=FAR_FUTURE + 1), deadline=END)
    left = rows.known().subscriptions
    not_renewed = [one.token_expires_at for one in read_all(rows.table, NIGHT)]
    rows.connections.join(rows.known(), NIGHT)

    assert (left, rows.known().subscriptions) == (before.subscriptions, before.subscriptions + 1)
    assert not_renewed == [FAR_FUTURE]
    assert [one.connection_id for one in read_all(rows.table, NIGHT)] == ["abc="]


def test_an_expired_deadline_is_not_reached(rows: ExpiringRows) -> None:
    def reached() -> int:
        pages = [rows.deadlines.page(END.minute, shard, FAR_FUTURE) for shard in range(SHARDS)]
        return sum(len(page.expired) for page in pages)

    rows.joined()
    before = reached()
    rows.expire("deadline#")

    assert (before, reached()) == (1, 0)

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
from chalicelib.connections.ports import ConnectionGone
from chalicelib.idempotency import IdempotentRequest, Record
from chalicelib.nights.events import session_stream
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import NOW, SHARDS, read_all

NIGHT = session_stream(17)
END = Deadline(int(NOW) + 3600, DeadlineKind.END)
REQUEST = IdempotentRequest("host", "key", "hash")


class House:
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
def house(table: Callable[[], Table], dynamodb: Any) -> House:
    return House(table(), dynamodb)


def test_an_expired_connection_is_gone(house: House) -> None:
    house.joined()

    house.now += MAX_CONNECTION_SECONDS

    assert house.connections.get("abc=") is None
    with pytest.raises(ConnectionGone):
        house.connections.count_failed_auth("abc=")


def test_an_expired_connection_is_removed_whole(house: House) -> None:
    house.joined()
    house.now += MAX_CONNECTION_SECONDS

    house.connections.remove("abc=")

    assert house.dynamodb.scan(TableName=house.table.name)["Items"] == []


def test_an_expired_subscription_is_made_anew(house: House) -> None:
    before = house.joined()
    house.expire(f"connection#abc= audience#{NIGHT}")

    house.connections.join(before, NIGHT)

    assert house.known().subscriptions == before.subscriptions + 1
    assert [one.connection_id for one in read_all(house.table, NIGHT)] == ["abc="]


def test_an_expired_subscription_is_neither_left_nor_renewed(house: House) -> None:
    before = house.joined()
    house.expire(f"connection#abc= audience#{NIGHT}")

    house.connections.leave("abc=", NIGHT)
    house.connections.authenticate(before, claims("bot", expires_at=FAR_FUTURE + 1), deadline=END)

    assert house.known().subscriptions == before.subscriptions
    assert [one.token_expires_at for one in read_all(house.table, NIGHT)] == [FAR_FUTURE]


def test_an_expired_recipient_hears_nothing(house: House) -> None:
    house.joined()

    house.expire("audience#")

    assert read_all(house.table, NIGHT) == []


def test_an_expired_deadline_is_not_reached(house: House) -> None:
    house.joined()
    minute = END.minute
    pages = [house.deadlines.page(minute, shard, FAR_FUTURE).expired for shard in range(SHARDS)]
    house.expire("deadline#")

    after = [house.deadlines.page(minute, shard, FAR_FUTURE).expired for shard in range(SHARDS)]

    assert sum(map(len, pages)) == 1
    assert sum(map(len, after)) == 0


def test_an_expired_answer_was_never_given(house: House) -> None:
    house.sessions.answers.record(Record(REQUEST, "{}"))

    house.expire("idempotency#")

    assert house.sessions.answers.recorded_answer(REQUEST) is None
    house.sessions.answers.record(Record(REQUEST, "{}"))

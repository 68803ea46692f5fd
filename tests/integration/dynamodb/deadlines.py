"""Connections with deadlines, and both ports on them."""

from dataclasses import dataclass

import pytest

from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.connections.deadlines import DynamoDeadlineStore
from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import ConnectionStore, DeadlineStore, ExpiredDeadline
from tests.fakes.identity import FAR_FUTURE
from tests.integration.dynamodb.conftest import NOW, SHARDS

OPENED = int(NOW)
SOON = Deadline(OPENED + 30, DeadlineKind.AUTHENTICATE)
LATER = Deadline(OPENED + 3600, DeadlineKind.TOKEN_EXPIRED)
NOBODY: frozenset[DeadlineKind] = frozenset()


@dataclass(frozen=True, slots=True)
class ConnectionPorts:
    """Both ports on the same connections."""

    connections: ConnectionStore
    deadlines: DeadlineStore

    def connected(self, name: str = "abc=", deadline: Deadline = SOON) -> Connection:
        connection = Connection(name, "api", "dev", OPENED, "127.0.0.1", deadline=deadline)
        self.connections.add(connection)
        return connection

    def known(self, name: str = "abc=") -> Connection:
        return self.connections.get(name) or pytest.fail(f"{name} is gone")

    def reached(self, minute: int, until: int = FAR_FUTURE) -> list[ExpiredDeadline]:
        found: list[ExpiredDeadline] = []
        for shard in range(SHARDS):
            page = self.deadlines.page(minute, shard, until)
            found.extend(page.expired)
            while page.next_after is not None:
                page = self.deadlines.page(minute, shard, until, page.next_after)
                found.extend(page.expired)
        return found


def on(table: Table) -> ConnectionPorts:
    store = DynamoConnectionStore(table, SHARDS, lambda: NOW)
    return ConnectionPorts(store, DynamoDeadlineStore(table, SHARDS, lambda: NOW))

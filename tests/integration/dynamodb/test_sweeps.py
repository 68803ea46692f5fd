"""What a sweep reads, and sweeps that meet."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.expired_deadlines import ExpiredDeadlines
from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.connections.sweep import Sweep
from tests.fakes.notices import FakeNotices
from tests.fakes.push import FakePush
from tests.integration.dynamodb.conftest import SHARDS
from tests.integration.dynamodb.deadlines import OPENED, ConnectionPorts, on


@contextmanager
def read_units(table: Table) -> Iterator[list[float]]:
    """Collect the read units of every call on a table's database, as DynamoDB tells them."""
    units: list[float] = []

    def notified(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in {"Query", "GetItem", "Scan", "BatchGetItem"}:
            units.append(parsed["ConsumedCapacity"]["CapacityUnits"])

    events = table.database.connection.client.meta.events
    events.register("after-call.dynamodb", notified)
    try:
        yield units
    finally:
        events.unregister("after-call.dynamodb", notified)


def sweep(ports: ConnectionPorts, push: FakePush, now: int) -> Any:
    due = ExpiredDeadlines(ports.deadlines, ports.connections, push, FakeNotices(), ConnectionLife())
    return Sweep(ports.deadlines, due, SHARDS).run(now, within=30.0)


def swept(table: Table, now: int) -> float:
    """Sweep, and return the read units that it took."""
    push = FakePush()
    with read_units(table) as units:
        asyncio.run(sweep(on(table), push, now))
    return sum(units)


def test_a_sweep_reads_what_is_due_not_what_is_connected(
    table: Callable[[], Table],
) -> None:
    crowded = table()
    ports = on(crowded)
    now = OPENED - OPENED % 60 + 600
    ports.deadlines.mark_swept(now // 60 - 2)
    nobody = swept(crowded, now)
    for number in range(200):
        ports.connected(f"later{number}=", Deadline(now + 3600, DeadlineKind.AUTHENTICATE))

    many_connected = swept(crowded, now)
    for number in range(10):
        ports.connected(f"ten{number}=", Deadline(now - 60, DeadlineKind.AUTHENTICATE))
    ten_due = swept(crowded, now) - nobody
    for number in range(40):
        ports.connected(f"forty{number}=", Deadline(now - 60, DeadlineKind.AUTHENTICATE))
    forty_due = swept(crowded, now) - nobody

    assert many_connected == nobody
    assert 0 < ten_due < forty_due <= 4 * ten_due + SHARDS  # a page's units are rounded up

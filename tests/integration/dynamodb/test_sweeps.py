"""What a sweep reads, and sweeps that meet."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.expired_deadlines import ExpiredDeadlines
from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.connections.ports import ConnectionGone
from chalicelib.connections.sweep import Sweep
from chalicelib.nights.events import SESSIONS_STREAM
from tests.fakes.identity import claims
from tests.fakes.notices import FakeNotices
from tests.fakes.push import FakePush
from tests.integration.dynamodb.conftest import SHARDS, read_all
from tests.integration.dynamodb.deadlines import LATER, OPENED, House, on


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


def sweep(house: House, push: FakePush, now: int) -> Any:
    due = ExpiredDeadlines(house.deadlines, house.connections, push, FakeNotices(), ConnectionLife())
    return Sweep(house.deadlines, due, SHARDS).run(now, within=30.0)


def swept(table: Table, now: int) -> float:
    """Sweep, and return the read units that it took."""
    push = FakePush()
    with read_units(table) as units:
        asyncio.run(sweep(on(table), push, now))
    return sum(units)


def test_what_a_sweep_reads_grows_with_what_is_due_and_not_with_what_is_connected(
    table: Callable[[], Table],
) -> None:
    crowded = table()
    house = on(crowded)
    now = OPENED - OPENED % 60 + 600
    house.deadlines.mark_swept(now // 60 - 2)
    nobody = swept(crowded, now)
    for number in range(200):
        house.connected(f"later{number}=", Deadline(now + 3600, DeadlineKind.AUTHENTICATE))

    many_connected = swept(crowded, now)
    for number in range(10):
        house.connected(f"ten{number}=", Deadline(now - 60, DeadlineKind.AUTHENTICATE))
    ten_due = swept(crowded, now) - nobody
    for number in range(40):
        house.connected(f"forty{number}=", Deadline(now - 60, DeadlineKind.AUTHENTICATE))
    forty_due = swept(crowded, now) - nobody

    assert many_connected == nobody
    assert 0 < ten_due < forty_due <= 4 * ten_due + SHARDS  # a page's units are rounded up


def test_sweeps_that_meet_and_clients_that_authenticate_meanwhile_leave_nothing_wrong(
    table: Callable[[], Table], dynamodb: Any
) -> None:
    shared = table()
    house = on(shared)
    push = FakePush()
    names = [f"{number}=" for number in range(40)]
    for name in names:
        house.connected(name)
    accepted: list[str] = []

    def authenticate(name: str) -> None:
        try:
            connection = house.connections.get(name)
            if connection is None or connection.closing_since is not None:
                return
            house.connections.authenticate(connection, claims("bot"), deadline=LATER)
        except ConnectionGone:
            return
        accepted.append(name)

    async def all_at_once() -> None:
        eager = random.Random(7).sample(names, 20)
        await asyncio.gather(
            sweep(house, push, OPENED + 60),
            *(asyncio.to_thread(authenticate, name) for name in eager),
            sweep(house, push, OPENED + 60),
        )

    asyncio.run(all_at_once())
    asyncio.run(sweep(house, push, OPENED + 60))  # an engine may have refused writes that met

    closed = [name for name, _ in push.posts]
    assert len(closed) == len(set(closed))
    assert sorted([*closed, *accepted]) == sorted(names)
    assert {one.connection_id for one in read_all(shared, SESSIONS_STREAM)} == set(accepted)
    rows = dynamodb.scan(TableName=shared.name)["Items"]
    left = [row["SK"]["S"].partition("#")[2] for row in rows if row["PK"]["S"].startswith("deadline#")]
    assert sorted(left) == sorted(accepted)

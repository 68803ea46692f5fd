"""Deadlines and their connections, in the fake and in DynamoDB; and what the sweep reads."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.aws.dynamodb.connections import deadlines as module
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.connections.deadlines import DynamoDeadlineStore
from chalicelib.aws.dynamodb.tables import Table
from chalicelib.connections.connection import ALL_AUDIENCE, Connection, session_audience
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.expired_deadlines import DueConnections
from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.connections.ports import ConnectionGone, ConnectionStore, DeadlineStore, Reached
from chalicelib.connections.sweep import Sweep
from tests.fakes.identity import FAR_FUTURE, claims
from tests.fakes.notices import FakeNotices
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore
from tests.integration.dynamodb.conftest import NOW, SHARDS, read_all

OPENED = int(NOW)
SOON = Deadline(OPENED + 30, DeadlineKind.AUTHENTICATE)
LATER = Deadline(OPENED + 3600, DeadlineKind.TOKEN_EXPIRED)
NOBODY: frozenset[DeadlineKind] = frozenset()


@dataclass(frozen=True, slots=True)
class House:
    """Both ports on the same connections."""

    connections: ConnectionStore
    deadlines: DeadlineStore

    def connected(self, name: str = "abc=", deadline: Deadline = SOON) -> Connection:
        connection = Connection(name, "api", "dev", OPENED, "127.0.0.1", deadline=deadline)
        self.connections.add(connection)
        return connection

    def known(self, name: str = "abc=") -> Connection:
        return self.connections.get(name) or pytest.fail(f"{name} is gone")

    def reached(self, minute: int, until: int = FAR_FUTURE) -> list[Reached]:
        found: list[Reached] = []
        for shard in range(SHARDS):
            page = self.deadlines.page(minute, shard, until)
            found.extend(page.reached)
            while page.next_after is not None:
                page = self.deadlines.page(minute, shard, until, page.next_after)
                found.extend(page.reached)
        return found


@pytest.fixture(params=["fake", "dynamodb"])
def house(request: pytest.FixtureRequest) -> House:
    if request.param == "fake":
        fake = FakeConnectionStore(SHARDS, now=NOW)
        return House(fake, fake)
    return on(request.getfixturevalue("table")())


def on(table: Table) -> House:
    return House(DynamoConnectionStore(table, SHARDS, lambda: NOW), DynamoDeadlineStore(table, SHARDS))


def test_a_connection_is_opened_with_its_deadline(house: House) -> None:
    connection = house.connected()

    assert house.known() == connection
    assert house.reached(SOON.minute) == [Reached("abc=", SOON, 0)]
    assert house.reached(SOON.minute, until=SOON.at - 1) == []
    assert house.reached(SOON.minute + 1) == []


def test_authenticating_moves_the_deadline(house: House) -> None:
    house.connections.authenticate(house.connected(), claims("bot"), wants_cursor=False, deadline=LATER)

    assert house.known().deadline == LATER
    assert house.reached(SOON.minute) == []
    assert house.reached(LATER.minute) == [Reached("abc=", LATER, 1)]


def test_a_deadline_may_stay_in_its_place(house: House) -> None:
    same = Deadline(LATER.at + 1, LATER.kind)
    house.connections.authenticate(house.connected(), claims("bot"), wants_cursor=False, deadline=LATER)

    house.connections.authenticate(house.known(), claims("bot"), wants_cursor=False, deadline=same)

    assert house.reached(LATER.minute) == [Reached("abc=", same, 2)]


def test_removing_a_connection_removes_its_deadline(house: House) -> None:
    house.connections.authenticate(house.connected(), claims("bot"), wants_cursor=False, deadline=LATER)

    house.connections.remove("abc=")

    assert house.reached(SOON.minute) == house.reached(LATER.minute) == []


def test_a_deadline_is_moved_once_from_the_same_read(house: House) -> None:
    connection = house.connected()

    moved = house.deadlines.move(connection, LATER, frozenset({DeadlineKind.MAX_AGE}))
    late = house.deadlines.move(connection, SOON, NOBODY)

    assert late is None
    assert moved == house.known()
    assert house.known().deadline == LATER
    assert house.known().told == {DeadlineKind.MAX_AGE}
    assert [one.deadline for one in house.reached(LATER.minute)] == [LATER]
    assert house.reached(SOON.minute) == []


def test_nobody_moves_the_deadline_of_who_has_left(house: House) -> None:
    connection = house.connected()
    house.connections.remove("abc=")

    assert house.deadlines.move(connection, LATER, NOBODY) is None
    assert house.deadlines.claim(connection, OPENED) is None
    assert house.connections.get("abc=") is None
    assert house.reached(LATER.minute) == []


def test_authenticating_from_a_read_before_a_move_fails_and_the_deadline_stays(house: House) -> None:
    connection = house.connected()
    house.deadlines.move(connection, LATER, NOBODY)

    with pytest.raises(ConnectionGone):
        house.connections.authenticate(connection, claims("bot"), wants_cursor=False, deadline=SOON)

    assert [one.deadline for one in house.reached(LATER.minute)] == [LATER]
    assert house.reached(SOON.minute) == []


def test_another_token_is_to_be_told_about_again_and_age_is_not(house: House) -> None:
    both = frozenset({DeadlineKind.MAX_AGE, DeadlineKind.TOKEN_EXPIRING})
    house.connections.authenticate(house.connected(), claims("bot"), wants_cursor=True, deadline=SOON)
    house.deadlines.move(house.known(), LATER, both)

    house.connections.authenticate(house.known(), claims("bot"), wants_cursor=False, deadline=SOON)

    assert house.known().told == {DeadlineKind.MAX_AGE}
    assert house.known().wants_cursor


def test_nothing_comes_of_a_connection_that_is_being_closed(house: House) -> None:
    house.connections.authenticate(house.connected(), claims("bot"), wants_cursor=False, deadline=LATER)
    before = house.known()

    claimed = house.deadlines.claim(before, OPENED + 5)

    assert claimed == house.known()
    assert house.known().closing_since == OPENED + 5
    assert house.deadlines.claim(before, OPENED + 6) is None
    for connection in (before, house.known()):
        with pytest.raises(ConnectionGone):
            house.connections.join(
                replace(connection, closing_since=None), session_audience(1), wants_cursor=False
            )
        with pytest.raises(ConnectionGone):
            house.connections.authenticate(
                replace(connection, closing_since=None), claims("bot"), wants_cursor=False, deadline=SOON
            )


def test_whoever_authenticated_first_cannot_be_closed_by_an_older_read(house: House) -> None:
    unknown = house.connected()
    house.connections.authenticate(unknown, claims("bot"), wants_cursor=False, deadline=LATER)

    assert house.deadlines.claim(unknown, OPENED) is None
    assert house.known().closing_since is None


def test_a_deadline_is_dropped_unless_it_was_put_anew(house: House) -> None:
    house.connected()
    [found] = house.reached(SOON.minute)
    house.connections.authenticate(house.known(), claims("bot"), wants_cursor=False, deadline=SOON)
    [anew] = house.reached(SOON.minute)

    house.deadlines.drop(found)
    kept = house.reached(SOON.minute)
    house.deadlines.drop(anew)
    house.deadlines.drop(anew)

    assert kept == [anew]
    assert house.reached(SOON.minute) == []


def test_how_far_sweeps_have_come_never_goes_back(house: House) -> None:
    never = house.deadlines.swept_to()
    house.deadlines.mark_swept(7)
    house.deadlines.mark_swept(9)
    house.deadlines.mark_swept(8)

    assert never is None
    assert house.deadlines.swept_to() == 9


def test_a_minute_with_more_than_a_page_is_read_to_its_end(
    table: Callable[[], Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", 3)
    house = on(table())
    names = {f"{number}=" for number in range(20)}
    for name in names:
        house.connected(name)

    assert {one.connection_id for one in house.reached(SOON.minute)} == names


def test_a_connection_of_before_there_were_deadlines_lives_on(
    table: Callable[[], Table], dynamodb: Any
) -> None:
    old = table()
    house = on(old)
    head = {"api_id": "api", "stage": "dev", "source_ip": "127.0.0.1", "PK": "connection#abc=", "SK": "head"}
    numbers = {"connected_at": str(OPENED), "failed_auths": "0", "expires_at": str(FAR_FUTURE)}
    item = {name: {"S": text} for name, text in head.items()} | {
        name: {"N": number} for name, number in numbers.items()
    }
    dynamodb.put_item(TableName=old.name, Item=item)

    house.connections.authenticate(house.known(), claims("bot"), wants_cursor=False, deadline=LATER)
    house.connections.join(house.known(), session_audience(1), wants_cursor=False)

    assert house.known().subscriptions == 1
    assert [one.deadline for one in house.reached(LATER.minute)] == [LATER]
    house.connections.remove("abc=")
    assert dynamodb.scan(TableName=old.name)["Items"] == []


# What a sweep reads, and sweeps that meet.


@contextmanager
def read_units(table: Table) -> Iterator[list[float]]:
    """Collect the read units of every call on a table's database, as DynamoDB tells them."""
    units: list[float] = []

    def told(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in {"Query", "GetItem", "Scan", "BatchGetItem"}:
            units.append(parsed["ConsumedCapacity"]["CapacityUnits"])

    events = table.database.connection.client.meta.events
    events.register("after-call.dynamodb", told)
    try:
        yield units
    finally:
        events.unregister("after-call.dynamodb", told)


def sweep(house: House, push: FakePush, now: int) -> Any:
    due = DueConnections(house.deadlines, house.connections, push, FakeNotices(), ConnectionLife())
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
            house.connections.authenticate(connection, claims("bot"), wants_cursor=False, deadline=LATER)
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
    assert {one.connection_id for one in read_all(shared, ALL_AUDIENCE)} == set(accepted)
    rows = dynamodb.scan(TableName=shared.name)["Items"]
    left = [row["SK"]["S"].partition("#")[2] for row in rows if row["PK"]["S"].startswith("deadline#")]
    assert sorted(left) == sorted(accepted)

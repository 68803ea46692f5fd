"""ConnectionPorts and their connections, in the fake and in DynamoDB."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb.connections import deadlines as module
from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import ConnectionGone, ExpiredDeadline, Resume
from chalicelib.nights.events import session_stream
from tests.fakes.identity import FAR_FUTURE, claims
from tests.fakes.stores import FakeConnectionStore
from tests.integration.dynamodb.conftest import NOW, SHARDS
from tests.integration.dynamodb.deadlines import LATER, NOBODY, OPENED, SOON, ConnectionPorts, on


@pytest.fixture(params=["fake", "dynamodb"])
def ports(request: pytest.FixtureRequest) -> ConnectionPorts:
    if request.param == "fake":
        fake = FakeConnectionStore(SHARDS, now=NOW)
        return ConnectionPorts(fake, fake)
    return on(request.getfixturevalue("table")())


def test_a_connection_is_opened_with_its_deadline(ports: ConnectionPorts) -> None:
    connection = ports.connected()

    assert ports.known() == connection
    assert ports.reached(SOON.minute) == [ExpiredDeadline("abc=", SOON, 0)]
    assert ports.reached(SOON.minute, until=SOON.at - 1) == []
    assert ports.reached(SOON.minute + 1) == []


def test_a_deadline_goes_with_its_connection(ports: ConnectionPorts) -> None:
    same_minute = Deadline(LATER.at + 1, LATER.kind)
    ports.connections.authenticate(ports.connected(), claims("bot"), deadline=LATER)
    moved = ports.reached(SOON.minute), ports.reached(LATER.minute)
    ports.connections.authenticate(ports.known(), claims("bot"), deadline=same_minute)
    stayed = ports.reached(LATER.minute)
    ports.connections.remove("abc=")

    assert moved == ([], [ExpiredDeadline("abc=", LATER, 1)])
    assert stayed == [ExpiredDeadline("abc=", same_minute, 2)]
    assert ports.reached(LATER.minute) == []


def test_a_deadline_is_moved_once_from_the_same_read(ports: ConnectionPorts) -> None:
    connection = ports.connected()

    moved = ports.deadlines.move(connection, LATER, frozenset({DeadlineKind.MAX_AGE}))
    late = ports.deadlines.move(connection, SOON, NOBODY)

    assert late is ports.deadlines.claim(connection, OPENED) is None
    with pytest.raises(ConnectionGone):
        ports.connections.authenticate(connection, claims("bot"), deadline=SOON)
    assert moved == ports.known()
    assert ports.known().deadline == LATER
    assert ports.known().notified == {DeadlineKind.MAX_AGE}
    assert ports.known().closing_since is None
    assert [one.deadline for one in ports.reached(LATER.minute)] == [LATER]
    assert ports.reached(SOON.minute) == []


def test_nobody_moves_the_deadline_of_who_has_left(ports: ConnectionPorts) -> None:
    connection = ports.connected()
    ports.connections.remove("abc=")

    assert ports.deadlines.move(connection, LATER, NOBODY) is None
    assert ports.deadlines.claim(connection, OPENED) is None
    assert ports.connections.get("abc=") is None
    assert ports.reached(LATER.minute) == []


def test_another_token_is_told_about_again_age_is_not(ports: ConnectionPorts) -> None:
    both = frozenset({DeadlineKind.MAX_AGE, DeadlineKind.TOKEN_EXPIRING})
    ports.connections.authenticate(ports.connected(), claims("bot"), resume=Resume(1, 0), deadline=SOON)
    ports.deadlines.move(ports.known(), LATER, both)

    ports.connections.authenticate(ports.known(), claims("bot"), deadline=SOON)

    assert ports.known().notified == {DeadlineKind.MAX_AGE}
    assert ports.known().wants_cursor


def test_nothing_comes_of_a_connection_that_is_being_closed(ports: ConnectionPorts) -> None:
    ports.connections.authenticate(ports.connected(), claims("bot"), deadline=LATER)
    before = ports.known()

    claimed = ports.deadlines.claim(before, OPENED + 5)

    assert claimed == ports.known()
    assert ports.known().closing_since == OPENED + 5
    assert ports.deadlines.claim(before, OPENED + 6) is None
    for connection in (before, ports.known()):
        with pytest.raises(ConnectionGone):
            ports.connections.join(replace(connection, closing_since=None), session_stream(1))
        with pytest.raises(ConnectionGone):
            ports.connections.authenticate(
                replace(connection, closing_since=None), claims("bot"), deadline=SOON
            )


def test_a_deadline_is_dropped_unless_it_was_put_anew(ports: ConnectionPorts) -> None:
    ports.connected()
    [found] = ports.reached(SOON.minute)
    ports.connections.authenticate(ports.known(), claims("bot"), deadline=SOON)
    [anew] = ports.reached(SOON.minute)

    ports.deadlines.drop(found)
    kept = ports.reached(SOON.minute)
    ports.deadlines.drop(anew)
    ports.deadlines.drop(anew)

    assert kept == [anew]
    assert ports.reached(SOON.minute) == []


def test_how_far_sweeps_have_come_never_goes_back(ports: ConnectionPorts) -> None:
    never = ports.deadlines.swept_to()
    ports.deadlines.mark_swept(7)
    ports.deadlines.mark_swept(9)
    ports.deadlines.mark_swept(8)

    assert never is None
    assert ports.deadlines.swept_to() == 9


def test_all_pages_of_a_minute_are_read(table: Callable[[], Table], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", 3)
    ports = on(table())
    names = {f"{number}=" for number in range(20)}
    for name in names:
        ports.connected(name)

    assert {one.connection_id for one in ports.reached(SOON.minute)} == names


def test_a_connection_without_a_deadline_lives_on(table: Callable[[], Table], dynamodb: Any) -> None:
    old = table()
    ports = on(old)
    head = {"api_id": "api", "stage": "dev", "source_ip": "127.0.0.1", "PK": "connection#abc=", "SK": "head"}
    numbers = {"connected_at": str(OPENED), "failed_auths": "0", "expires_at": str(FAR_FUTURE)}
    item = {name: {"S": text} for name, text in head.items()} | {
        name: {"N": number} for name, number in numbers.items()
    }
    dynamodb.put_item(TableName=old.name, Item=item)

    ports.connections.authenticate(ports.known(), claims("bot"), deadline=LATER)
    ports.connections.join(ports.known(), session_stream(1))

    assert ports.known().subscriptions == 1
    assert [one.deadline for one in ports.reached(LATER.minute)] == [LATER]
    ports.connections.remove("abc=")
    assert dynamodb.scan(TableName=old.name)["Items"] == []

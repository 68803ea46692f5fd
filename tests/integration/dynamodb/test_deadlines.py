"""Deadlines and their connections, in the fake and in DynamoDB."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.dynamodb.connections import deadlines as module
from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import ConnectionGone, ExpiredDeadline, Resume
from chalicelib.nights.events import session_stream
from tests.fakes.identity import FAR_FUTURE, claims
from tests.fakes.stores import FakeConnectionStore
from tests.integration.dynamodb.conftest import NOW, SHARDS
from tests.integration.dynamodb.deadlines import LATER, NOBODY, OPENED, SOON, House, on


@pytest.fixture(params=["fake", "dynamodb"])
def house(request: pytest.FixtureRequest) -> House:
    if request.param == "fake":
        fake = FakeConnectionStore(SHARDS, now=NOW)
        return House(fake, fake)
    return on(request.getfixturevalue("table")())


def test_a_connection_is_opened_with_its_deadline(house: House) -> None:
    connection = house.connected()

    assert house.known() == connection
    assert house.reached(SOON.minute) == [ExpiredDeadline("abc=", SOON, 0)]
    assert house.reached(SOON.minute, until=SOON.at - 1) == []
    assert house.reached(SOON.minute + 1) == []


def test_authenticating_moves_the_deadline(house: House) -> None:
    house.connections.authenticate(house.connected(), claims("bot"), deadline=LATER)

    assert house.known().deadline == LATER
    assert house.reached(SOON.minute) == []
    assert house.reached(LATER.minute) == [ExpiredDeadline("abc=", LATER, 1)]


def test_a_deadline_may_stay_in_its_place(house: House) -> None:
    same = Deadline(LATER.at + 1, LATER.kind)
    house.connections.authenticate(house.connected(), claims("bot"), deadline=LATER)

    house.connections.authenticate(house.known(), claims("bot"), deadline=same)

    assert house.reached(LATER.minute) == [ExpiredDeadline("abc=", same, 2)]


def test_removing_a_connection_removes_its_deadline(house: House) -> None:
    house.connections.authenticate(house.connected(), claims("bot"), deadline=LATER)

    house.connections.remove("abc=")

    assert house.reached(SOON.minute) == house.reached(LATER.minute) == []


def test_a_deadline_is_moved_once_from_the_same_read(house: House) -> None:
    connection = house.connected()

    moved = house.deadlines.move(connection, LATER, frozenset({DeadlineKind.MAX_AGE}))
    late = house.deadlines.move(connection, SOON, NOBODY)

    assert late is None
    assert moved == house.known()
    assert house.known().deadline == LATER
    assert house.known().notified == {DeadlineKind.MAX_AGE}
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
        house.connections.authenticate(connection, claims("bot"), deadline=SOON)

    assert [one.deadline for one in house.reached(LATER.minute)] == [LATER]
    assert house.reached(SOON.minute) == []


def test_another_token_is_to_be_told_about_again_and_age_is_not(house: House) -> None:
    both = frozenset({DeadlineKind.MAX_AGE, DeadlineKind.TOKEN_EXPIRING})
    house.connections.authenticate(house.connected(), claims("bot"), resume=Resume(1, 0), deadline=SOON)
    house.deadlines.move(house.known(), LATER, both)

    house.connections.authenticate(house.known(), claims("bot"), deadline=SOON)

    assert house.known().notified == {DeadlineKind.MAX_AGE}
    assert house.known().wants_cursor


def test_nothing_comes_of_a_connection_that_is_being_closed(house: House) -> None:
    house.connections.authenticate(house.connected(), claims("bot"), deadline=LATER)
    before = house.known()

    claimed = house.deadlines.claim(before, OPENED + 5)

    assert claimed == house.known()
    assert house.known().closing_since == OPENED + 5
    assert house.deadlines.claim(before, OPENED + 6) is None
    for connection in (before, house.known()):
        with pytest.raises(ConnectionGone):
            house.connections.join(replace(connection, closing_since=None), session_stream(1))
        with pytest.raises(ConnectionGone):
            house.connections.authenticate(
                replace(connection, closing_since=None), claims("bot"), deadline=SOON
            )


def test_whoever_authenticated_first_cannot_be_closed_by_an_older_read(house: House) -> None:
    unknown = house.connected()
    house.connections.authenticate(unknown, claims("bot"), deadline=LATER)

    assert house.deadlines.claim(unknown, OPENED) is None
    assert house.known().closing_since is None


def test_a_deadline_is_dropped_unless_it_was_put_anew(house: House) -> None:
    house.connected()
    [found] = house.reached(SOON.minute)
    house.connections.authenticate(house.known(), claims("bot"), deadline=SOON)
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

    house.connections.authenticate(house.known(), claims("bot"), deadline=LATER)
    house.connections.join(house.known(), session_stream(1))

    assert house.known().subscriptions == 1
    assert [one.deadline for one in house.reached(LATER.minute)] == [LATER]
    house.connections.remove("abc=")
    assert dynamodb.scan(TableName=old.name)["Items"] == []

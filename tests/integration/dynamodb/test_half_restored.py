"""A restore that cut a transaction in two: nothing half done is in the way of what follows."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.keys import HEAD, SESSIONS, event_key, game_key, session_key
from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.events import session_stream
from infra.deploy.operate.epochs import Renewed
from tests.integration.dynamodb.restored import (
    ANOTHER_GAME,
    HOST,
    QUIPLASH,
    House,
    sequences,
    starts_in_both,
)


@pytest.fixture
def house(table: Callable[[], Table], dynamodb: Any) -> House:
    return House(dynamodb, table())


def test_an_event_that_is_ahead_of_its_night_is_not_in_the_way_of_the_next(house: House) -> None:
    house.start(games=1)
    backup = house.back_up()
    house.host.add_game(HOST, 1, QUIPLASH)
    night = session_key(1)

    backup.restore(with_=((night, event_key(3)), (night, game_key(2))))
    renewed = [*house.epochs.renew()]
    house.host.add_game(HOST, 1, ANOTHER_GAME)

    assert renewed[1] == Renewed(1, (f"{night} {event_key(3)}", f"{night} {game_key(2)}"))
    assert sequences(house) == [1, 2, 3]
    assert house.session(1).games_played == 2


@pytest.mark.parametrize(
    "left",
    [
        (session_key(2), HEAD),
        (session_key(2), event_key(1)),
        (SESSIONS, event_key(2)),
        (SESSIONS, "active#0000000002"),
    ],
)
def test_a_start_that_is_half_there_is_not_in_the_way_of_the_next(
    house: House, left: tuple[str, str]
) -> None:
    house.start()
    backup = house.back_up()
    house.start()

    backup.restore(with_=(left,))
    renewed = [*house.epochs.renew()]
    house.start()

    assert renewed[0] == Renewed(None, (" ".join(left),))
    assert [session.id for session in house.store.sessions(0, 10)] == [1, 2]
    assert starts_in_both(house) == [1, 2]


def test_a_start_whose_night_is_missing_has_its_number_used_again(house: House) -> None:
    house.start()
    house.start()
    backup = house.back_up()

    backup.restore(but=((session_key(2), HEAD),))
    renewed = [*house.epochs.renew()]
    house.start()

    assert renewed[0].lost
    assert [session.id for session in house.store.sessions(0, 10)] == [1, 2]
    assert house.store.head().sequence == 2


def test_nothing_is_left_of_a_start_that_is_there_but_for_its_session(house: House) -> None:
    house.start()
    backup = house.back_up()
    house.start()
    of_the_second = [
        (SESSIONS, event_key(2)),
        (session_key(2), event_key(1)),
        (SESSIONS, "active#0000000002"),
    ]

    backup.restore(with_=of_the_second)
    renewed = [*house.epochs.renew()]

    assert {*renewed[0].removed} == {" ".join(key) for key in of_the_second}
    assert starts_in_both(house) == [1]
    assert house.store.log.events(session_stream(2), 0, 10) == []


LOGGED = [(SESSIONS, event_key(2)), (session_key(2), event_key(1))]


@pytest.mark.parametrize("missing", LOGGED)
def test_a_start_that_only_one_log_has_is_copied_to_the_other(house: House, missing: tuple[str, str]) -> None:
    for _ in range(3):
        house.start()
    house.back_up().restore(but=[missing])

    [*house.epochs.renew()]

    assert starts_in_both(house) == [1, 2, 3]
    page = house.streams.of_starts().page(BEGINNING, 10)
    assert (page.recovered, page.cursor) == (True, house.store.head().cursor)
    if missing[0] == SESSIONS:
        key = {"PK": {"S": SESSIONS}, "SK": {"S": event_key(2)}}
        item = house.dynamodb.get_item(TableName=house.table.name, Key=key)["Item"]
        assert item["epoch"] == {"S": house.store.head().epoch}  # which broadcast reads


@pytest.mark.parametrize("missing", LOGGED)
def test_a_start_that_has_expired_is_copied_nowhere(house: House, missing: tuple[str, str]) -> None:
    for _ in range(2):
        house.start()
    house.back_up().restore(but=[missing])
    house.now += EVENT_RETENTION_SECONDS
    before = house.back_up().items

    [*house.epochs.renew()]

    assert len(house.back_up().items) == len(before)


def test_what_is_committed_meanwhile_is_kept(house: House) -> None:
    house.start(games=1)
    renewing = house.epochs.renew()

    next(renewing)
    house.host.add_game(HOST, 1, QUIPLASH)
    house.start()
    renewed = [*renewing]

    assert renewed == [Renewed(1)]
    assert sequences(house) == [1, 2, 3]
    assert [session.id for session in house.store.sessions(0, 10)] == [1, 2]

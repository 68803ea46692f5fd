"""A table that was restored: old cursors are notified so."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.aws.dynamodb.database import Table
from chalicelib.nights.cursors import BEGINNING, Cursor
from infra.deploy.operate.epochs import Renewed
from tests.integration.dynamodb.restored import (
    ANOTHER_GAME,
    HOST,
    QUIPLASH,
    House,
)


@pytest.fixture
def house(table: Callable[[], Table], dynamodb: Any) -> House:
    return House(dynamodb, table())


def test_a_cursor_from_before_a_restore_is_lost_also_when_its_sequence_has_been_used_again(
    house: House,
) -> None:
    house.start(games=1)
    backup = house.back_up()
    house.host.add_game(HOST, 1, QUIPLASH)
    house.start()
    seen_of_night, seen_of_starts = house.session(1).cursor, house.store.head().cursor

    backup.restore()
    [*house.epochs.renew()]
    house.host.add_game(HOST, 1, ANOTHER_GAME)
    house.start()

    assert house.session(1).cursor.sequence == seen_of_night.sequence
    assert not house.streams.of_session(1).place(seen_of_night).recovered
    assert not house.streams.of_starts().place(seen_of_starts).recovered
    assert not house.queries.events(1, seen_of_night, 10).recovered
    assert not house.queries.sessions(seen_of_starts, 10).recovered


def test_without_a_new_epoch_a_restore_would_hide_a_loss(house: House) -> None:
    house.start(games=1)
    backup = house.back_up()
    house.host.add_game(HOST, 1, QUIPLASH)
    seen = house.session(1).cursor

    backup.restore()
    house.host.add_game(HOST, 1, ANOTHER_GAME)

    assert house.streams.of_session(1).place(seen).recovered  # of an event that the client never saw


def test_a_cursor_of_the_lost_future_is_lost_before_anything_else_is_committed(house: House) -> None:
    house.start()
    backup = house.back_up()
    house.host.add_game(HOST, 1, QUIPLASH)
    seen = house.session(1).cursor

    backup.restore()

    assert not house.streams.of_session(1).place(seen).recovered


def test_what_was_logged_before_is_replayed_with_cursors_that_can_be_resumed_from(house: House) -> None:
    house.start(games=2)
    backup = house.back_up()
    backup.restore()

    [*house.epochs.renew()]

    night = [event.cursor for event in house.streams.of_session(1).page(BEGINNING, 10).entries]
    starts = [event.cursor for event in house.streams.of_starts().page(BEGINNING, 10).entries]
    assert night == [Cursor(house.session(1).epoch, sequence) for sequence in (1, 2, 3)]
    assert starts == [house.store.head().cursor]
    assert house.streams.of_session(1).place(night[1]).recovered


def test_every_stream_gets_an_epoch_of_its_own_each_time(house: House) -> None:
    for _ in range(3):
        house.start()

    first = [*house.epochs.renew()]
    before = [house.store.head().epoch, *(house.session(one).epoch for one in (1, 2, 3))]
    [*house.epochs.renew()]
    after = [house.store.head().epoch, *(house.session(one).epoch for one in (1, 2, 3))]

    assert first == [Renewed(None), Renewed(1), Renewed(2), Renewed(3)]
    assert len({*before, *after}) == 8


def test_a_table_without_a_night_has_a_new_epoch_too(house: House) -> None:
    before = house.store.head()

    assert [*house.epochs.renew()] == [Renewed(None)]
    assert house.store.head().epoch != before.epoch

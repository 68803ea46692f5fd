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
    RestorableTable,
)


@pytest.fixture
def restorable(table: Callable[[], Table], dynamodb: Any) -> RestorableTable:
    return RestorableTable(dynamodb, table())


def test_a_cursor_from_before_a_restore_is_lost(
    restorable: RestorableTable,
) -> None:
    restorable.start(games=1)
    backup = restorable.back_up()
    restorable.host.add_game(HOST, 1, QUIPLASH)
    restorable.start()
    seen_of_night, seen_of_starts = restorable.session(1).cursor, restorable.store.head().cursor

    backup.restore()
    [*restorable.epochs.renew()]
    restorable.host.add_game(HOST, 1, ANOTHER_GAME)
    restorable.start()

    assert restorable.session(1).cursor.sequence == seen_of_night.sequence
    assert not restorable.streams.of_session(1).place(seen_of_night).recovered
    assert not restorable.streams.of_starts().place(seen_of_starts).recovered
    assert not restorable.queries.events(1, seen_of_night, 10).recovered
    assert not restorable.queries.sessions(seen_of_starts, 10).recovered


def test_what_was_logged_before_a_restore_can_be_resumed_from(restorable: RestorableTable) -> None:
    restorable.start(games=2)
    backup = restorable.back_up()
    backup.restore()

    [*restorable.epochs.renew()]

    night = [event.cursor for event in restorable.streams.of_session(1).page(BEGINNING, 10).entries]
    starts = [event.cursor for event in restorable.streams.of_starts().page(BEGINNING, 10).entries]
    assert night == [Cursor(restorable.session(1).epoch, sequence) for sequence in (1, 2, 3)]
    assert starts == [restorable.store.head().cursor]
    assert restorable.streams.of_session(1).place(night[1]).recovered


def test_every_stream_gets_an_epoch_of_its_own_each_time(restorable: RestorableTable) -> None:
    for _ in range(3):
        restorable.start()

    first = [*restorable.epochs.renew()]
    before = [restorable.store.head().epoch, *(restorable.session(one).epoch for one in (1, 2, 3))]
    [*restorable.epochs.renew()]
    after = [restorable.store.head().epoch, *(restorable.session(one).epoch for one in (1, 2, 3))]

    assert first == [Renewed(None), Renewed(1), Renewed(2), Renewed(3)]
    assert len({*before, *after}) == 8


def test_a_table_without_a_night_has_a_new_epoch_too(restorable: RestorableTable) -> None:
    before = restorable.store.head()

    assert [*restorable.epochs.renew()] == [Renewed(None)]
    assert restorable.store.head().epoch != before.epoch

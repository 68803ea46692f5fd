"""A table that was restored: old cursors are lost, and nothing half done is in the way of what follows."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.keys import HEAD, SESSIONS, event_key, game_key, session_key
from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.cursors import BEGINNING, Cursor
from chalicelib.nights.events import session_stream
from infra.deploy.operate.epochs import Renewed
from tests.integration.dynamodb.restored import (
    ANOTHER_GAME,
    HOST,
    QUIPLASH,
    RestorableTable,
    sequences,
    starts_in_both,
)


@pytest.fixture
def restorable(table: Callable[[], Table], dynamodb: Any) -> RestorableTable:
    return RestorableTable(dynamodb, table())


def test_a_cursor_from_before_a_restore_is_lost(restorable: RestorableTable) -> None:
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


def test_an_event_ahead_of_its_night_is_removed(restorable: RestorableTable) -> None:
    restorable.start(games=1)
    backup = restorable.back_up()
    restorable.host.add_game(HOST, 1, QUIPLASH)
    night = session_key(1)

    backup.restore(with_=((night, event_key(3)), (night, game_key(2))))
    renewed = [*restorable.epochs.renew()]
    restorable.host.add_game(HOST, 1, ANOTHER_GAME)

    assert renewed[1] == Renewed(1, (f"{night} {event_key(3)}", f"{night} {game_key(2)}"))
    assert sequences(restorable) == [1, 2, 3]
    assert restorable.session(1).games_played == 2


def test_games_behind_a_removed_one_stay(restorable: RestorableTable) -> None:
    restorable.start(games=2)
    restorable.host.remove_game(HOST, 1, 1)

    renewed = [*restorable.epochs.renew()]

    assert renewed[1] == Renewed(1)
    assert [game["id"] for game in restorable.queries.session(1)["games"]] == [2]


@pytest.mark.parametrize(
    "left",
    [
        (session_key(2), HEAD),
        (session_key(2), event_key(1)),
        (SESSIONS, event_key(2)),
        (SESSIONS, "active#0000000002"),
    ],
)
def test_a_start_that_is_half_there_is_removed(restorable: RestorableTable, left: tuple[str, str]) -> None:
    restorable.start()
    backup = restorable.back_up()
    restorable.start()

    backup.restore(with_=(left,))
    renewed = [*restorable.epochs.renew()]
    restorable.start()

    assert renewed[0] == Renewed(None, (" ".join(left),))
    assert [session.id for session in restorable.store.sessions(0, 10)] == [1, 2]
    assert starts_in_both(restorable) == [1, 2]


def test_a_missing_nights_number_is_used_again(restorable: RestorableTable) -> None:
    restorable.start()
    restorable.start()
    backup = restorable.back_up()

    backup.restore(but=((session_key(2), HEAD),))
    renewed = [*restorable.epochs.renew()]
    between = starts_in_both(restorable), restorable.store.log.events(session_stream(2), 0, 10)
    restorable.start()

    assert renewed[0].lost
    assert between == ([1], [])
    assert [session.id for session in restorable.store.sessions(0, 10)] == [1, 2]
    assert restorable.store.head().sequence == 2


LOGGED = [(SESSIONS, event_key(2)), (session_key(2), event_key(1))]


@pytest.mark.parametrize("missing", LOGGED)
def test_a_start_in_one_log_is_copied(restorable: RestorableTable, missing: tuple[str, str]) -> None:
    for _ in range(3):
        restorable.start()
    restorable.back_up().restore(but=[missing])

    [*restorable.epochs.renew()]

    assert starts_in_both(restorable) == [1, 2, 3]
    page = restorable.streams.of_starts().page(BEGINNING, 10)
    assert (page.recovered, page.cursor) == (True, restorable.store.head().cursor)
    if missing[0] == SESSIONS:
        key = {"PK": {"S": SESSIONS}, "SK": {"S": event_key(2)}}
        item = restorable.dynamodb.get_item(TableName=restorable.table.name, Key=key)["Item"]
        assert item["epoch"] == {"S": restorable.store.head().epoch}  # which broadcast reads


@pytest.mark.parametrize("missing", LOGGED)
def test_an_expired_start_is_copied_nowhere(restorable: RestorableTable, missing: tuple[str, str]) -> None:
    for _ in range(2):
        restorable.start()
    restorable.back_up().restore(but=[missing])
    restorable.now += EVENT_RETENTION_SECONDS
    before = restorable.back_up().items

    [*restorable.epochs.renew()]

    assert len(restorable.back_up().items) == len(before)


def test_what_is_committed_meanwhile_is_kept(restorable: RestorableTable) -> None:
    restorable.start(games=1)
    renewing = restorable.epochs.renew()

    next(renewing)
    restorable.host.add_game(HOST, 1, QUIPLASH)
    restorable.start()
    renewed = [*renewing]

    assert renewed == [Renewed(1)]
    assert sequences(restorable) == [1, 2, 3]
    assert [session.id for session in restorable.store.sessions(0, 10)] == [1, 2]

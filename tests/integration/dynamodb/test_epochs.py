"""A table that was restored: old cursors are told so, and nothing half done is in the way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.aws.dynamodb.keys import HEAD, SESSIONS, event_key, game_key, session_key
from chalicelib.aws.dynamodb.nights.epochs import DynamoEpochs, Renewed
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.aws.dynamodb.tables import Table
from chalicelib.backoff import Backoff
from chalicelib.idempotency import Commits
from chalicelib.nights.cursors import BEGINNING, Cursor
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import GameNights
from chalicelib.nights.queries import Reading, Streams
from chalicelib.nights.sessions import Session
from tests.backup import Backup
from tests.fakes.identity import claims

MOMENT = datetime(2025, 11, 1, 20, tzinfo=UTC)
QUIPLASH = NewGame("Quiplash", None, None, None)
HOST = claims()


@dataclass
class House:
    """A table with what reads and writes it."""

    dynamodb: Any
    table: Table

    def __post_init__(self) -> None:
        ids = iter(range(1000))
        self.store = DynamoSessionStore(self.table, MOMENT.timestamp, lambda: f"sessions{next(ids)}")
        commits = Commits(self.store.answers, Backoff(patience=1.0))
        self.host = GameNights(self.store, commits, lambda: MOMENT, lambda: f"session{next(ids)}")
        self.streams = Streams(self.store, self.store.log, sleep=lambda _: None)
        self.reading = Reading(self.store, self.streams)
        self.epochs = DynamoEpochs(self.table, self.store, lambda: f"new{next(ids)}")

    def start(self, games: int = 0) -> None:
        session_id = self.host.start(HOST, None)["id"]
        for _ in range(games):
            self.host.add_game(HOST, session_id, QUIPLASH)

    def back_up(self) -> Backup:
        return Backup.of(self.dynamodb, self.table.name)

    def session(self, session_id: int) -> Session:
        session = self.store.session(session_id)
        assert session is not None
        return session


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
    house.host.add_game(HOST, 1, NewGame("Another game", None, None, None))
    house.start()

    assert house.session(1).cursor.sequence == seen_of_night.sequence
    assert not house.streams.of_session(1).replay(seen_of_night).recovered
    assert not house.streams.of_starts().replay(seen_of_starts).recovered
    assert not house.reading.events(1, seen_of_night, 10).recovered
    assert not house.reading.sessions(seen_of_starts, 10).recovered


def test_without_a_new_epoch_a_restore_would_hide_a_loss(house: House) -> None:
    house.start(games=1)
    backup = house.back_up()
    house.host.add_game(HOST, 1, QUIPLASH)
    seen = house.session(1).cursor

    backup.restore()
    house.host.add_game(HOST, 1, NewGame("Another game", None, None, None))

    assert house.streams.of_session(1).replay(seen).recovered  # of an event that the client never saw


def test_a_cursor_of_the_lost_future_is_lost_before_anything_else_is_committed(house: House) -> None:
    house.start()
    backup = house.back_up()
    house.host.add_game(HOST, 1, QUIPLASH)
    seen = house.session(1).cursor

    backup.restore()

    assert not house.streams.of_session(1).replay(seen).recovered


def test_what_was_logged_before_is_replayed_with_cursors_that_can_be_resumed_from(house: House) -> None:
    house.start(games=2)
    backup = house.back_up()
    backup.restore()

    [*house.epochs.renew()]

    night = [event.cursor for event in house.streams.of_session(1).replay(BEGINNING).entries]
    starts = [event.sessions_cursor for event in house.streams.of_starts().replay(BEGINNING).entries]
    assert night == [Cursor(house.session(1).epoch, sequence) for sequence in (1, 2, 3)]
    assert starts == [house.store.head().cursor]
    assert house.streams.of_session(1).replay(night[1]).recovered


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


def test_an_event_that_is_ahead_of_its_night_is_not_in_the_way_of_the_next(house: House) -> None:
    house.start(games=1)
    backup = house.back_up()
    house.host.add_game(HOST, 1, QUIPLASH)
    night = session_key(1)

    backup.restore(with_=((night, event_key(3)), (night, game_key(2))))
    renewed = [*house.epochs.renew()]
    house.host.add_game(HOST, 1, NewGame("Another game", None, None, None))

    assert renewed[1] == Renewed(1, (f"{night} {event_key(3)}", f"{night} {game_key(2)}"))
    assert [event.cursor.sequence for event in house.store.log.events(1, 0, 10)] == [1, 2, 3]
    assert house.session(1).games_played == 2


@pytest.mark.parametrize(
    "left", [(session_key(2), HEAD), (session_key(2), event_key(1)), (SESSIONS, "active#0000000002")]
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
    assert len([*house.streams.of_starts().replay(BEGINNING).entries]) == 2


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


def test_what_is_committed_meanwhile_is_kept(house: House) -> None:
    house.start(games=1)
    renewing = house.epochs.renew()

    next(renewing)
    house.host.add_game(HOST, 1, QUIPLASH)
    house.start()
    renewed = [*renewing]

    assert renewed == [Renewed(1)]
    assert [event.cursor.sequence for event in house.store.log.events(1, 0, 10)] == [1, 2, 3]
    assert [session.id for session in house.store.sessions(0, 10)] == [1, 2]

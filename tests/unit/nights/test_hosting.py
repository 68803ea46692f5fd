import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.auth.claims import Role
from chalicelib.backoff import Backoff
from chalicelib.errors import Contended, Forbidden, SessionClosed, SessionNotFound
from chalicelib.idempotency import Commits, IdempotencyMismatch, IdempotentRequest, StreamMoved
from chalicelib.nights.events import Json
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import GameNights
from tests.fakes.identity import claims
from tests.fakes.stores import FakeSessionStore


def now() -> datetime:
    return datetime(2025, 11, 1, 20, 0, 0, 123456, tzinfo=UTC)


def game_nights(store: FakeSessionStore, backoff: Backoff | None = None) -> GameNights:
    commits = Commits(store, backoff or Backoff(sleep=lambda _: None))
    return GameNights(store, commits, now, lambda: "epoch")


def test_a_started_night_is_answered_as_the_contract_shows() -> None:
    store = FakeSessionStore()

    session = game_nights(store).start(claims(), "Friday Game Night")

    assert dict(session) == {
        "id": 1,
        "is_active": 1,
        "created_at": "2025-11-01T20:00:00.123Z",
        "notes": "Friday Game Night",
    }
    assert [event.type for event in store.log] == ["session.started"]


def test_a_bot_may_not_start_a_night() -> None:
    store = FakeSessionStore()

    with pytest.raises(Forbidden, match="admin"):
        game_nights(store).start(claims(role=Role.BOT), None)

    assert store.log == []


def test_a_lost_race_is_run_again() -> None:
    class Contested(FakeSessionStore):
        losses = 3

        def start(self, *change: Any) -> None:
            if self.losses:
                self.losses -= 1
                raise StreamMoved
            super().start(*change)

    session = game_nights(Contested()).start(claims(), None)

    assert session["id"] == 1


def test_a_race_that_is_never_won_ends_with_an_error_to_retry() -> None:
    class Hopeless(FakeSessionStore):
        def start(self, *change: Any) -> None:
            del change
            raise StreamMoved

    ticks = itertools.count()
    backoff = Backoff(sleep=lambda _: None, monotonic=lambda: float(next(ticks)))

    with pytest.raises(Contended) as failure:
        game_nights(Hopeless(), backoff).start(claims(), None)

    assert failure.value.retryable


def test_the_same_key_twice_starts_one_night() -> None:
    store = FakeSessionStore()
    request = IdempotentRequest("host", "key", "hash")

    first = game_nights(store).start(claims(), "a", request)
    second = game_nights(store).start(claims(), "a", request)

    assert first == second
    assert len(store.log) == 1


def test_the_same_key_for_another_request_is_refused() -> None:
    store = FakeSessionStore()
    game_nights(store).start(claims(), "a", IdempotentRequest("host", "key", "hash"))

    with pytest.raises(IdempotencyMismatch, match="key"):
        game_nights(store).start(claims(), "b", IdempotentRequest("host", "key", "other hash"))

    assert len(store.log) == 1


def test_a_game_is_added_to_a_night_and_announced() -> None:
    store = FakeSessionStore()
    nights = game_nights(store)
    nights.start(claims(), None)

    game = nights.add_game(claims(), 1, NewGame("Quiplash", min_players=3))

    assert dict(game) == {
        "id": 1,
        "title": "Quiplash",
        "pack_name": None,
        "min_players": 3,
        "max_players": None,
    }
    assert [one.title for one in store.games(1)] == ["Quiplash"]
    assert [event.type for event in store.log] == ["session.started", "game.added"]


def test_a_night_that_is_closed_says_how_it_ended_and_takes_nothing_more() -> None:
    store = FakeSessionStore()
    nights = game_nights(store)
    nights.start(claims(), "Friday")
    nights.add_game(claims(), 1, NewGame("Quiplash"))

    ended = nights.close(claims(), 1)

    assert dict(ended) == {
        "id": 1,
        "is_active": 0,
        "created_at": "2025-11-01T20:00:00.123Z",
        "ended_at": "2025-11-01T20:00:00.123Z",
        "notes": "Friday",
        "games_played": 1,
    }
    with pytest.raises(SessionClosed):
        nights.close(claims(), 1)
    with pytest.raises(SessionClosed):
        nights.add_game(claims(), 1, NewGame("Fibbage"))
    assert [event.type for event in store.log][2:] == ["session.ended"]


def test_closing_twice_under_one_key_is_closing_once() -> None:
    store = FakeSessionStore()
    nights = game_nights(store)
    nights.start(claims(), None)
    request = IdempotentRequest("host", "key", "hash")

    first = nights.close(claims(), 1, request)
    second = nights.close(claims(), 1, request)

    assert first == second
    assert len(store.log) == 2


def test_a_request_that_is_in_its_own_way_is_answered_as_it_was_first() -> None:
    store = FakeSessionStore()
    nights = game_nights(store)
    nights.start(claims(), None)
    request = IdempotentRequest("host", "key", "hash")
    first: list[Json] = []

    def overtaken_by_itself() -> Json:
        first.append(nights.close(claims(), 1, request))
        raise SessionClosed(1)

    answer = Commits(store, Backoff()).once(request, overtaken_by_itself)

    assert first == [answer]


def test_a_request_that_another_one_is_in_the_way_of_is_refused() -> None:
    store = FakeSessionStore()
    nights = game_nights(store)
    nights.start(claims(), None)
    nights.close(claims(), 1, IdempotentRequest("host", "key", "hash"))

    with pytest.raises(SessionClosed):
        nights.close(claims(), 1, IdempotentRequest("host", "another key", "hash"))


def test_what_only_a_host_may_do_no_bot_may() -> None:
    store = FakeSessionStore()
    nights = game_nights(store)
    nights.start(claims(), None)

    with pytest.raises(Forbidden):
        nights.add_game(claims(role=Role.BOT), 1, NewGame("Quiplash"))
    with pytest.raises(Forbidden):
        nights.close(claims(role=Role.BOT), 1)
    assert len(store.log) == 1


def test_a_night_that_was_never_started_can_neither_be_added_to_nor_closed() -> None:
    nights = game_nights(FakeSessionStore())

    with pytest.raises(SessionNotFound, match="9"):
        nights.add_game(claims(), 9, NewGame("Quiplash"))
    with pytest.raises(SessionNotFound, match="9"):
        nights.close(claims(), 9)


def test_waits_are_random_and_bounded() -> None:
    waits: list[float] = []
    clock = itertools.count(0, 0.1)
    backoff = Backoff(
        base=0.1,
        cap=0.4,
        patience=1.0,
        uniform=random.Random(7).uniform,
        sleep=waits.append,
        monotonic=lambda: next(clock),
    )

    with pytest.raises(Contended):
        for _ in backoff.attempts():
            pass

    assert len(waits) > 5
    assert all(0 <= wait <= min(0.4, 0.1 * 2**n) for n, wait in enumerate(waits))
    assert len(set(waits)) == len(waits)


def test_nights_started_at_the_same_time_are_numbered_without_gaps() -> None:
    store = FakeSessionStore()
    nights = game_nights(store, Backoff(base=0.0001, cap=0.001))

    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: nights.start(claims(), None)["id"], range(40)))

    assert sorted(ids) == list(range(1, 41))

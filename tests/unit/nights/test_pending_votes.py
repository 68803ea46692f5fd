import json
from typing import Any

import pytest

from chalicelib.errors import Unavailable
from chalicelib.idempotency import VersionConflict
from chalicelib.nights.pending_votes import BATCH, count_sessions
from chalicelib.nights.ports import Commit
from chalicelib.retry import Backoff
from chalicelib.timestamps import milliseconds
from tests.fakes.nights import FakeNights
from tests.fakes.stores import FakeSessionStore
from tests.unit.nights.test_voting import Contested, night


def voters(nights: FakeNights) -> list[str]:
    """Return who voted, in the order of the log."""
    data = [json.loads(event.envelope)["data"] for event in nights.store.log]
    return [one["vote"]["username"] for one in data if "vote" in one]


def test_a_batch_makes_a_session_crowded_a_vote_does_not() -> None:
    nights = night()

    nights.pend("ada")
    nights.counter.count_pending(1)
    alone = nights.store._sessions[1].crowded_until
    nights.pend("bob")
    nights.pend("cleo")
    nights.counter.count_pending(1)

    assert alone == 0
    assert nights.store._sessions[1].crowded_until == milliseconds(nights.clock()) + 3000


def test_a_batch_fits_into_a_transaction_and_the_rest_follows() -> None:
    sizes: list[int] = []

    class Measured(FakeSessionStore):
        def commit(self, change: Commit) -> None:
            sizes.append(2 + sum(map(len, (change.counted, change.votes, change.pending, change.records))))
            super().commit(change)

    nights = night(games=25, store=Measured())
    for number in range(3 * BATCH):
        nights.pend(f"voter {number}", game_id=1 + number * 7 % (25 if number < BATCH else 18))

    nights.counter.count_pending(1)

    assert sum(up for up, _ in nights.tallies()) == 3 * BATCH
    assert voters(nights) == [f"voter {number}" for number in range(3 * BATCH)]
    assert max(sizes) == 100


def count(nights: FakeNights) -> list[str]:
    nights.backoff.budget.begin(5.0)
    return count_sessions(nights.counter, nights.backoff, {1: ["10", "11"]})


def test_a_count_that_loses_races_is_made_again() -> None:
    nights = night(store=Contested(losses=3))
    nights.pend("ada")

    assert count(nights) == []
    assert nights.tallies() == [(1, 0)]
    assert nights.waits == 3


def test_a_count_that_wins_no_race_comes_again() -> None:
    nights = night(store=Contested(losses=10_000))
    nights.pend("ada")
    began = nights.now

    assert count(nights) == ["10", "11"]
    assert nights.now - began < 5.2


def test_a_count_keeps_its_time_between_batches() -> None:
    class Slow(FakeSessionStore):
        def commit(self, change: Commit) -> None:
            super().commit(change)
            if change.pending:
                nights.now += 3

    nights = night(store=Slow())
    for number in range(5 * BATCH):
        nights.pend(f"voter {number}")

    assert count(nights) == ["10", "11"]
    assert nights.tallies() == [(2 * BATCH, 0)]


def test_one_session_that_fails_holds_up_no_other() -> None:
    class Fails(FakeSessionStore):
        def waiting(self, session_id: int, limit: int) -> Any:
            if session_id == 7:
                raise Unavailable("not now")
            return super().waiting(session_id, limit)

    nights = night(store=Fails())
    nights.pend("ada")

    again = count_sessions(nights.counter, Backoff(), {7: ["5"], 1: ["6"], 9: ["7"]})

    assert again == ["5"]
    assert nights.tallies() == [(1, 0)]


def test_a_game_that_does_not_show_yet_is_waited_for() -> None:
    class NotYet(FakeSessionStore):
        misses = 1

        def games_and_votes(self, session_id: int, keys: Any) -> Any:
            games, votes = super().games_and_votes(session_id, keys)
            self.misses -= 1
            return ({}, votes) if self.misses >= 0 else (games, votes)

    nights = night(store=NotYet())
    nights.pend("ada")

    with pytest.raises(VersionConflict):
        nights.counter.count_pending(1)
    nights.counter.count_pending(1)
    assert nights.tallies() == [(1, 0)]

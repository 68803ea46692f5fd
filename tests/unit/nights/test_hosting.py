import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.auth.claims import Role
from chalicelib.errors import Contended, Forbidden, SessionClosed, SessionNotFound
from chalicelib.idempotency import IdempotencyMismatch, Idempotent, IdempotentRequest, VersionConflict
from chalicelib.nights.events import Json
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter
from chalicelib.nights.ports import Commit
from chalicelib.nights.votes import Vote, VoteRequest
from chalicelib.retry import Backoff, RetryPolicy
from tests.fakes.identity import claims
from tests.fakes.nights import BOT, UP
from tests.fakes.stores import FakeSessionStore
from tests.unit.nights.test_voting import night


def now() -> datetime:
    return datetime(2025, 11, 1, 20, 0, 0, 123456, tzinfo=UTC)


def hosting(store: FakeSessionStore, backoff: Backoff | None = None) -> Hosting:
    commits = Idempotent(store, backoff or Backoff(sleep=lambda _: None))
    return Hosting(VoteCounter(store, store, now), commits, now, lambda: "epoch")


def test_a_started_night_is_answered_as_the_contract_shows() -> None:
    store = FakeSessionStore()

    session = hosting(store).start(claims(), "Friday Game Night")

    assert dict(session) == {
        "id": 1,
        "is_active": 1,
        "created_at": "2025-11-01T20:00:00.123Z",
        "notes": "Friday Game Night",
    }
    assert [(event.stream, event.sequence) for event in store.log] == [("sessions", 1), ("session:1", 1)]
    assert {event.type for event in store.log} == {"session.started"}


def test_a_bot_may_not_start_a_night() -> None:
    store = FakeSessionStore()

    with pytest.raises(Forbidden, match="admin"):
        hosting(store).start(claims(role=Role.BOT), None)

    assert store.log == []


def test_a_lost_race_is_run_again() -> None:
    class Contested(FakeSessionStore):
        losses = 3

        def start(self, *change: Any) -> None:
            if self.losses:
                self.losses -= 1
                raise VersionConflict
            super().start(*change)

    session = hosting(Contested()).start(claims(), None)

    assert session["id"] == 1


def test_a_race_that_is_never_won_ends_contended() -> None:
    class Hopeless(FakeSessionStore):
        def start(self, *change: Any) -> None:
            del change
            raise VersionConflict

    ticks = itertools.count()
    backoff = Backoff(sleep=lambda _: None, monotonic=lambda: float(next(ticks)))

    with pytest.raises(Contended) as failure:
        hosting(Hopeless(), backoff).start(claims(), None)

    assert failure.value.retryable


def test_the_same_key_twice_starts_one_night() -> None:
    store = FakeSessionStore()
    request = IdempotentRequest("host", "key", "hash")

    first = hosting(store).start(claims(), "a", request)
    second = hosting(store).start(claims(), "a", request)

    assert first == second
    assert store.head().sequence == 1


def test_the_same_key_for_another_request_is_refused() -> None:
    store = FakeSessionStore()
    hosting(store).start(claims(), "a", IdempotentRequest("host", "key", "hash"))

    with pytest.raises(IdempotencyMismatch, match="key"):
        hosting(store).start(claims(), "b", IdempotentRequest("host", "key", "other hash"))

    assert store.head().sequence == 1


def test_a_game_is_added_to_a_night_and_announced() -> None:
    store = FakeSessionStore()
    nights = hosting(store)
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
    assert [event.type for event in store.events("session:1", 0, 9)] == ["session.started", "game.added"]


def test_a_night_that_is_closed_takes_nothing_more() -> None:
    store = FakeSessionStore()
    nights = hosting(store)
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
    assert [event.type for event in store.events("session:1", 2, 9)] == ["session.ended"]


def test_closing_counts_what_is_pending_before_it_ends() -> None:
    nights = night()
    nights.pend("ada")
    nights.pend("bob")

    nights.host.close(claims(), 1)

    assert nights.tallies() == [(2, 0)]
    types = [event.type.value for event in nights.log(3)]
    assert types == ["vote.received", "vote.received", "session.ended"]


def test_a_closing_session_takes_nothing_more_and_can_be_closed() -> None:
    nights = night()
    session = nights.store._sessions[1]
    nights.store.commit(Commit(session, replace(session, closing=True), ()))

    with pytest.raises(SessionClosed):
        nights.host.add_game(claims(), 1, NewGame("Fibbage"))
    with pytest.raises(SessionClosed):
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))

    assert nights.host.close(claims(), 1)["is_active"] == 0


def test_a_change_that_races_with_closing_is_not_made() -> None:
    nights = night()
    open_session = nights.store._sessions[1]
    nights.store.commit(Commit(open_session, replace(open_session, closing=True), ()))

    with pytest.raises(VersionConflict):
        nights.counter.count_one(open_session, Vote(1, "Zoë", UP, "now"), None)


def test_closing_twice_under_one_key_is_closing_once() -> None:
    store = FakeSessionStore()
    nights = hosting(store)
    nights.start(claims(), None)
    request = IdempotentRequest("host", "key", "hash")

    first = nights.close(claims(), 1, request)
    second = nights.close(claims(), 1, request)

    assert first == second
    assert [event.type for event in store.events("session:1", 1, 9)] == ["session.ended"]


def test_a_request_in_its_own_way_has_its_first_answer() -> None:
    store = FakeSessionStore()
    nights = hosting(store)
    nights.start(claims(), None)
    request = IdempotentRequest("host", "key", "hash")
    first: list[Json] = []

    def overtaken_by_itself() -> Json:
        first.append(nights.close(claims(), 1, request))
        raise SessionClosed(1)

    answer = Idempotent(store, Backoff()).once(request, overtaken_by_itself)

    assert first == [answer]


def test_a_request_that_another_one_overtook_is_refused() -> None:
    store = FakeSessionStore()
    nights = hosting(store)
    nights.start(claims(), None)
    nights.close(claims(), 1, IdempotentRequest("host", "key", "hash"))

    with pytest.raises(SessionClosed):
        nights.close(claims(), 1, IdempotentRequest("host", "another key", "hash"))


def test_what_only_a_host_may_do_no_bot_may() -> None:
    store = FakeSessionStore()
    nights = hosting(store)
    nights.start(claims(), None)

    with pytest.raises(Forbidden):
        nights.add_game(claims(role=Role.BOT), 1, NewGame("Quiplash"))
    with pytest.raises(Forbidden):
        nights.close(claims(role=Role.BOT), 1)

    assert store.events("session:1", 1, 9) == []


def test_an_unknown_night_takes_no_game_and_cannot_be_closed() -> None:
    nights = hosting(FakeSessionStore())

    with pytest.raises(SessionNotFound, match="9"):
        nights.add_game(claims(), 9, NewGame("Quiplash"))
    with pytest.raises(SessionNotFound, match="9"):
        nights.close(claims(), 9)


def test_nights_started_at_the_same_time_are_numbered_without_gaps() -> None:
    store = FakeSessionStore()
    nights = hosting(store, Backoff(RetryPolicy(attempts=1000, base_seconds=0.0001, cap_seconds=0.001)))

    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: nights.start(claims(), None)["id"], range(40)))

    assert sorted(ids) == list(range(1, 41))

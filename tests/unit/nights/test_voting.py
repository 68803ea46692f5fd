import json
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.errors import (
    GameNotFound,
    NoGame,
    SessionClosed,
    SessionNotFound,
    Unavailable,
    VoteNotFound,
)
from chalicelib.idempotency import IdempotencyMismatch, IdempotentRequest, VersionConflict
from chalicelib.nights.games import NewGame
from chalicelib.nights.ports import Commit
from chalicelib.nights.votes import VoteRequest
from tests.fakes.identity import claims
from tests.fakes.nights import BOT, DOWN, UP, FakeNights
from tests.fakes.stores import FakeSessionStore

KEY = IdempotentRequest("kosmi", "key", "hash")
ANOTHER = IdempotentRequest("kosmi", "key", "another hash")


def night(games: int = 1, store: FakeSessionStore | None = None) -> FakeNights:
    """Return nights with session 1, which has games."""
    nights = FakeNights(store or FakeSessionStore())
    nights.host.start(claims(), None)
    for number in range(games):
        nights.host.add_game(claims(), 1, NewGame(f"Game {number + 1}"))
    return nights


@dataclass
class Contested(FakeSessionStore):
    """A store in which somebody else wins the race for the head, as often as it is told."""

    losses: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def commit(self, change: Commit) -> None:
        if self.losses and (change.votes or change.withdrawn):
            self.losses -= 1
            raise VersionConflict
        super().commit(change)


def test_a_vote_alone_is_counted_for_the_newest_game() -> None:
    nights = night(games=2)

    counted = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))

    assert nights.tallies() == [(0, 0), (1, 0)]
    assert counted["game"] == {"id": 2, "title": "Game 2"}
    assert counted["totals"] == {"upvotes": 1, "downvotes": 0, "score": 1}
    assert nights.store.log[-1].type == "vote.received"


def test_whoever_loses_a_race_is_answered_without_totals_at_once() -> None:
    nights = night(store=Contested(losses=1))

    answer = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))

    assert "totals" not in answer
    assert answer["game"] == {"id": 1, "title": "Game 1"}
    assert nights.waits == 0
    [pending] = nights.store.waiting(1, 10)
    assert pending.vote.username == "Zoë"


def test_a_vote_that_may_be_counted_is_not_stored() -> None:
    class AnswerLost(FakeSessionStore):
        def commit(self, change: Commit) -> None:
            super().commit(change)
            if change.votes:
                raise Unavailable("its answer was lost")

    nights = night(store=AnswerLost())

    with pytest.raises(Unavailable):
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))

    assert nights.store.waiting(1, 10) == []


@pytest.mark.parametrize("ended", [False, True])
def test_a_vote_stored_during_a_close_is_counted_or_refused(*, ended: bool) -> None:
    class Closing(FakeSessionStore):
        def add(self, *stored: Any) -> None:
            super().add(*stored)
            self._sessions[1] = replace(self._sessions[1], closing=True, is_active=not ended)

    nights = night(store=Closing())
    nights.crowd()

    with pytest.raises(SessionClosed) if ended else nullcontext():
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))

    assert nights.tallies() == [(0 if ended else 1, 0)]


def test_in_a_crowd_nobody_tries_alone() -> None:
    nights = night()
    nights.crowd()

    answer = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))

    assert "totals" not in answer
    nights.now += 10
    nights.counter.count_pending(1)
    assert "totals" in nights.voting.vote(BOT, 1, VoteRequest("Bob", UP))


def test_a_stored_vote_is_answered_with_what_its_event_says() -> None:
    nights = night()
    nights.crowd()

    answer = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))
    nights.now += 0.25
    nights.counter.count_pending(1)

    event = json.loads(nights.store.log[-1].envelope)
    assert event["data"] == {**answer, "totals": {"upvotes": 1, "downvotes": 0, "score": 1}}
    assert event["timestamp"] > event["data"]["vote"]["timestamp"]


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("counted", [False, True])
def test_the_same_key_has_the_same_answer(*, crowded: bool, counted: bool) -> None:
    nights = night()
    if crowded:
        nights.crowd()

    first = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY)
    if counted:
        nights.counter.count_pending(1)
        nights.now += 60
    second = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY)
    nights.counter.count_pending(1)

    assert first == second
    assert nights.tallies() == [(1, 0)]
    assert len(nights.log()) == 3
    with pytest.raises(IdempotencyMismatch):
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", DOWN), ANOTHER)


def test_a_vote_that_cannot_count_leaves_nothing_behind() -> None:
    nights = night(games=0)

    for session_id, error in ((1, NoGame), (2, SessionNotFound)):
        with pytest.raises(error):
            nights.voting.vote(BOT, session_id, VoteRequest("Zoë", UP))
    assert [event.type for event in nights.log()] == ["session.started"]


def test_a_vote_stored_after_its_game_was_removed_is_refused_and_dropped() -> None:
    class Removed(FakeSessionStore):
        def add(self, *stored: Any) -> None:
            nights.host.remove_game(claims(), 1, 1)
            super().add(*stored)

    nights = night(store=Removed())
    nights.crowd()

    with pytest.raises(GameNotFound):
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))
    nights.counter.count_pending(1)

    assert nights.log()[-1].type == "game.removed"
    assert nights.store.waiting(1, 10) == []
    assert nights.tallies() == [(0, 0)]


def test_a_key_keeps_its_answer_when_the_game_is_removed() -> None:
    nights = night()
    nights.crowd()
    first = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY)

    nights.host.remove_game(claims(), 1, 1)

    assert nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY) == first


def test_votes_for_a_removed_game_hold_up_no_others() -> None:
    nights = night(games=2)
    nights.host.remove_game(claims(), 1, 1)
    for name, game_id in (("ada", 1), ("bob", 2), ("cleo", 1)):
        nights.pend(name, game_id=game_id)

    nights.counter.count_pending(1)

    assert nights.tallies() == [(0, 0), (1, 0)]
    assert nights.store.waiting(1, 10) == []


@pytest.mark.parametrize("losses", [0, 3])
def test_a_withdrawn_vote_counts_no_more(losses: int) -> None:
    nights = night(store=Contested())
    for name, way in (("Zoë", UP), ("Bob", DOWN)):
        nights.voting.vote(BOT, 1, VoteRequest(name, way))
    nights.store.losses = losses  # type: ignore[attr-defined] # Contested's

    totals = nights.voting.withdraw(BOT, 1, 1, " ZOE\u0308")

    assert totals == {"upvotes": 0, "downvotes": 1, "score": -1}
    [event] = nights.log(5)
    data = json.loads(event.envelope)["data"]
    assert (event.type, data["totals"], data["vote"]["username"]) == ("vote.withdrawn", totals, "Zoë")
    assert nights.waits == losses
    with pytest.raises(VoteNotFound, match="ZOË has no vote for game 1 of session 1"):
        nights.voting.withdraw(BOT, 1, 1, "ZOË")
    assert nights.tallies() == [(0, 1)]


def test_a_pending_vote_is_counted_and_withdrawn() -> None:
    nights = night()
    nights.pend("Zoë")

    nights.voting.withdraw(BOT, 1, 1, "zoë")

    assert [event.type for event in nights.log(3)] == ["vote.received", "vote.withdrawn"]
    assert nights.tallies() == [(0, 0)]


def test_who_withdrew_can_vote_again() -> None:
    nights = night()
    nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))
    nights.voting.withdraw(BOT, 1, 1, "Zoë")

    nights.voting.vote(BOT, 1, VoteRequest("Zoë", DOWN))

    assert nights.tallies() == [(0, 1)]


def test_a_vote_that_cannot_be_withdrawn_is_told_why() -> None:
    nights = night(games=2)
    nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP, 1))
    nights.host.remove_game(claims(), 1, 1)

    for session_id, game_id, error in (
        (1, 1, GameNotFound),
        (1, 2, VoteNotFound),
        (1, 3, GameNotFound),
        (2, 1, SessionNotFound),
    ):
        with pytest.raises(error):
            nights.voting.withdraw(BOT, session_id, game_id, "Zoë")
    nights.host.close(claims(), 1)
    with pytest.raises(SessionClosed):
        nights.voting.withdraw(BOT, 1, 2, "Zoë")

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from chalicelib.errors import NoGame, SessionClosed, SessionNotFound
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
        if self.losses and change.votes:
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


def test_a_second_vote_of_a_voter_replaces_the_first() -> None:
    nights = night()

    nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))
    nights.voting.vote(BOT, 1, VoteRequest("zoë", DOWN))

    assert nights.tallies() == [(0, 1)]


def test_a_vote_repeated_is_an_event_that_changes_no_tally() -> None:
    nights = night()

    for _ in range(2):
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))

    assert nights.tallies() == [(1, 0)]
    assert [event.type for event in nights.log(3)] == ["vote.received", "vote.received"]


def test_a_voter_has_one_vote_for_each_game() -> None:
    nights = night(games=2)

    nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP, 1))
    nights.voting.vote(BOT, 1, VoteRequest("Zoë", DOWN, 2))

    assert nights.tallies() == [(1, 0), (0, 1)]


def test_a_vote_that_cannot_count_leaves_nothing_behind() -> None:
    nights = night(games=0)

    with pytest.raises(NoGame):
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))
    with pytest.raises(SessionNotFound):
        nights.voting.vote(BOT, 2, VoteRequest("Zoë", UP))
    nights.host.close(claims(), 1)
    with pytest.raises(SessionClosed):
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))
    assert [event.type for event in nights.log()] == ["session.started", "session.ended"]


def test_the_same_key_twice_is_one_vote() -> None:
    nights = night()

    first = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY)
    second = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY)

    assert first == second
    assert len(nights.log()) == 3
    with pytest.raises(IdempotencyMismatch):
        nights.voting.vote(BOT, 1, VoteRequest("Zoë", DOWN), ANOTHER)


def test_whoever_loses_a_race_is_answered_without_totals_at_once() -> None:
    nights = night(store=Contested(losses=1))

    answer = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))

    assert "totals" not in answer
    assert answer["game"] == {"id": 1, "title": "Game 1"}
    assert nights.waits == 0
    [pending] = nights.store.waiting(1, 10)
    assert pending.vote.username == "Zoë"


def test_where_others_wait_a_vote_waits_behind_them() -> None:
    nights = night()
    nights.pend("Zoë", UP)

    answer = nights.voting.vote(BOT, 1, VoteRequest("zoë", DOWN))
    nights.counter.count_pending(1)

    assert "totals" not in answer
    assert nights.tallies() == [(0, 1)]


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


@pytest.mark.parametrize("counted", [False, True])
def test_the_same_key_of_a_stored_vote_answers_the_same(*, counted: bool) -> None:
    nights = night()
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


class ClosesMeanwhile(FakeSessionStore):
    """A store in which a host closes session 1 right before or right after a vote is stored."""

    nights: FakeNights
    before = True
    killed = False

    def add(self, *stored: object) -> None:
        if not self.before:
            super().add(*stored)  # type: ignore[arg-type]
        session = self._sessions[1]
        if self.killed:
            self.commit(Commit(session, replace(session, closing=True), ()))
        else:
            self.nights.host.close(claims(), 1)
        if self.before:
            super().add(*stored)  # type: ignore[arg-type]


def closing_meanwhile(*, before: bool, killed: bool = False) -> FakeNights:
    store = ClosesMeanwhile()
    nights = night(store=store)
    nights.crowd()
    store.nights, store.before, store.killed = nights, before, killed
    return nights


def test_a_vote_stored_after_the_end_is_refused() -> None:
    nights = closing_meanwhile(before=True)

    for _ in range(2):
        with pytest.raises(SessionClosed):
            nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY)

    assert nights.tallies() == [(0, 0)]
    assert nights.store.log[-1].type == "session.ended"


def test_a_vote_stored_before_the_end_is_counted_before_it() -> None:
    nights = closing_meanwhile(before=False)

    answer = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY)

    assert nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP), KEY) == answer
    assert nights.tallies() == [(1, 0)]
    assert [event.type for event in nights.log(3)] == ["vote.received", "session.ended"]


def test_a_voter_has_its_vote_counted_while_a_session_closes() -> None:
    nights = closing_meanwhile(before=True, killed=True)

    answer = nights.voting.vote(BOT, 1, VoteRequest("Zoë", UP))
    nights.host.close(claims(), 1)

    assert "totals" not in answer
    assert [event.type for event in nights.log(3)] == ["vote.received", "session.ended"]


def test_fifty_voters_at_once_all_count_and_none_twice() -> None:
    nights = night()

    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda n: nights.voting.vote(BOT, 1, VoteRequest(f"voter {n}", UP)), range(50))
        )
    nights.counter.count_pending(1)

    assert nights.tallies() == [(50, 0)]
    assert [event.sequence for event in nights.log()] == list(range(1, 53))
    assert sorted(answer["vote"]["username"] for answer in answers) == sorted(f"voter {n}" for n in range(50))
    assert nights.store.waiting(1, 10) == []

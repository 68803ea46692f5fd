import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.auth.claims import Role
from chalicelib.backoff import Backoff
from chalicelib.errors import Contended, NoGame, SessionClosed, SessionNotFound
from chalicelib.idempotency import Commits, IdempotencyMismatch, IdempotentRequest, StreamMoved
from chalicelib.nights.counting import LeftBallot
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import GameNights
from chalicelib.nights.ports import Change
from chalicelib.nights.votes import Ballot, VoteType
from chalicelib.nights.voting import OVERDUE_MILLISECONDS, Voting, VotingStores
from chalicelib.timestamps import system_clock
from tests.fakes.identity import claims
from tests.fakes.stores import FakeSessionStore

BOT = claims("kosmi", Role.BOT)
UP, DOWN = VoteType.UP, VoteType.DOWN


class Night:
    """A night with the id 1 and as many games as are asked for. Whoever waits moves the time on."""

    def __init__(self, games: int = 1, store: FakeSessionStore | None = None) -> None:
        self.store = store or FakeSessionStore()
        self.now = 1_762_027_200.0
        self.waits = 0
        backoff = Backoff(
            base=0.02, cap=0.16, uniform=lambda _, most: most, sleep=self.wait, monotonic=self.time
        )
        commits = Commits(self.store, backoff)
        self.host = GameNights(self.store, commits, self.clock, lambda: "e")
        ids = itertools.count()
        stores = VotingStores(self.store, self.store, self.store)
        self.voting = Voting(stores, commits, self.clock, lambda: f"id {next(ids):04}")
        self.host.start(claims(), None)
        for number in range(games):
            self.host.add_game(claims(), 1, NewGame(f"Game {number + 1}"))

    def time(self) -> float:
        return self.now

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def wait(self, seconds: float) -> None:
        self.waits += 1
        self.now += seconds

    def leave(self, name: str, way: VoteType = UP, **more: Any) -> LeftBallot:
        """Put a ballot into the box whose voter never comes back."""
        left = LeftBallot(f"of {name}", int(self.now * 1000), Ballot(name, way), **more)
        self.store.leave(1, left)
        return left

    def tallies(self) -> list[tuple[int, int]]:
        return [(game.upvotes, game.downvotes) for game in self.store.games(1)]


def test_a_vote_is_counted_for_the_newest_game_and_answered_with_what_its_event_says() -> None:
    night = Night(games=2)

    counted = night.voting.vote(BOT, 1, Ballot("Zoë", UP))

    assert night.tallies() == [(0, 0), (1, 0)]
    assert counted["game"] == {"id": 2, "title": "Game 2"}
    assert counted["totals"] == {"upvotes": 1, "downvotes": 0, "score": 1}
    assert night.store.log[-1].type == "vote.received"


def test_a_second_vote_of_a_voter_replaces_the_first() -> None:
    night = Night()

    night.voting.vote(BOT, 1, Ballot("Zoë", UP))
    night.voting.vote(BOT, 1, Ballot("zoë", DOWN))

    assert night.tallies() == [(0, 1)]


def test_a_vote_repeated_is_an_event_that_changes_no_tally() -> None:
    night = Night()

    for _ in range(2):
        night.voting.vote(BOT, 1, Ballot("Zoë", UP))

    assert night.tallies() == [(1, 0)]
    assert [event.type for event in night.store.log][2:] == ["vote.received", "vote.received"]


def test_a_voter_has_one_vote_for_each_game() -> None:
    night = Night(games=2)

    night.voting.vote(BOT, 1, Ballot("Zoë", UP, 1))
    night.voting.vote(BOT, 1, Ballot("Zoë", DOWN, 2))

    assert night.tallies() == [(1, 0), (0, 1)]


def test_the_same_key_twice_is_one_vote() -> None:
    night = Night()
    request = IdempotentRequest("kosmi", "key", "hash")

    first = night.voting.vote(BOT, 1, Ballot("Zoë", UP), request)
    second = night.voting.vote(BOT, 1, Ballot("Zoë", UP), request)

    assert first == second
    assert len(night.store.log) == 3
    with pytest.raises(IdempotencyMismatch):
        night.voting.vote(BOT, 1, Ballot("Zoë", DOWN), IdempotentRequest("kosmi", "key", "another"))


def test_a_vote_that_cannot_count_leaves_nothing_behind() -> None:
    night = Night(games=0)

    with pytest.raises(NoGame):
        night.voting.vote(BOT, 1, Ballot("Zoë", UP))
    with pytest.raises(SessionNotFound):
        night.voting.vote(BOT, 2, Ballot("Zoë", UP))
    night.host.close(claims(), 1)
    with pytest.raises(SessionClosed):
        night.voting.vote(BOT, 1, Ballot("Zoë", UP))
    assert [event.type for event in night.store.log] == ["session.started", "session.ended"]


class Contested(FakeSessionStore):
    """A store in which somebody else always wins the race for the head, as often as it is told."""

    losses = 0

    def commit(self, change: Change) -> None:
        if self.losses and change.votes:
            self.losses -= 1
            raise StreamMoved
        super().commit(change)


def test_whoever_loses_a_race_is_counted_all_the_same() -> None:
    night = Night(store=Contested())
    night.store.losses = 3  # type: ignore[attr-defined]

    counted = night.voting.vote(BOT, 1, Ballot("Zoë", UP))

    assert counted["totals"]["upvotes"] == 1
    assert night.tallies() == [(1, 0)]
    assert night.store.waiting(1, 10) == []


def test_ballots_that_wait_are_counted_in_one_commit_in_the_order_in_which_they_were_left() -> None:
    night = Night()
    for name in ("ada", "bob", "cleo"):
        night.leave(name)
        night.now += 0.001
    crowd(night)

    mine = night.voting.vote(BOT, 1, Ballot("Zoë", DOWN))

    voters = [json.loads(event.envelope)["data"]["vote"]["username"] for event in night.store.log[2:]]
    assert voters == ["ada", "bob", "cleo", "Zoë"]
    assert mine["totals"] == {"upvotes": 3, "downvotes": 1, "score": 2}
    assert night.tallies() == [(3, 1)]
    assert night.store.waiting(1, 10) == []


def test_whoever_waits_leaves_the_counting_to_the_first_unless_it_may_be_dead() -> None:
    night = Night()
    night.leave("ada")
    night.now += 0.001
    crowd(night)
    began = night.now

    night.voting.vote(BOT, 1, Ballot("Zoë", DOWN))

    assert night.now - began >= OVERDUE_MILLISECONDS / 1000


def test_a_vote_that_another_counted_is_answered_with_what_its_own_event_says() -> None:
    night = Night()

    def another_counts(seconds: float) -> None:
        Night.wait(night, seconds)
        if night.waits == 2:
            night.now += 2  # whoever is first has not been seen for so long
            night.voting.vote(BOT, 1, Ballot("Bob", UP))

    night.leave("ada")
    night.now += 0.001
    crowd(night)
    night.voting._commits._backoff = replace(night.voting._commits._backoff, sleep=another_counts)

    mine = night.voting.vote(BOT, 1, Ballot("Zoë", DOWN))

    assert mine["vote"]["username"] == "Zoë"
    assert mine["totals"] == {"upvotes": 1, "downvotes": 1, "score": 0}
    assert night.tallies() == [(2, 1)]


def test_one_voter_twice_in_the_box_counts_once_and_the_later_is_the_one() -> None:
    night = Night()
    night.leave("Zoë", UP)
    night.now += 0.001
    crowd(night)

    night.voting.vote(BOT, 1, Ballot("zoë", DOWN))

    assert night.tallies() == [(0, 1)]
    assert len(night.store.log) == 4


def test_a_ballot_whose_voter_is_long_gone_is_not_counted() -> None:
    night = Night()
    night.leave("ghost")
    night.now += 31
    crowd(night)

    night.voting.vote(BOT, 1, Ballot("Zoë", UP))

    assert night.tallies() == [(1, 0)]
    assert night.store.waiting(1, 10) == []


def test_a_key_that_is_in_the_box_twice_is_counted_once_and_answered_twice() -> None:
    night = Night()
    request = IdempotentRequest("kosmi", "key", "hash")
    night.leave("Zoë", UP, request=request)
    night.now += 0.001
    crowd(night)

    answer = night.voting.vote(BOT, 1, Ballot("Zoë", UP), request)

    assert night.tallies() == [(1, 0)]
    assert [event.type for event in night.store.log[2:]] == ["vote.received"]
    assert answer == json.loads(night.store.log[2].envelope)["data"]
    assert night.store.waiting(1, 10) == []


def test_a_key_used_for_another_vote_is_refused_also_in_the_box() -> None:
    night = Night()
    night.leave("Zoë", UP, request=IdempotentRequest("kosmi", "key", "hash"))
    night.now += 0.001
    crowd(night)

    with pytest.raises(IdempotencyMismatch):
        night.voting.vote(BOT, 1, Ballot("Zoë", DOWN), IdempotentRequest("kosmi", "key", "another"))

    assert night.tallies() == [(1, 0)]


def test_a_count_fits_into_one_transaction_and_the_rest_is_counted_next() -> None:
    sizes: list[int] = []

    class Measured(FakeSessionStore):
        def commit(self, change: Change) -> None:
            items = (change.counted, change.votes, change.ballots, change.dropped, change.records)
            sizes.append(2 + sum(map(len, items)))
            super().commit(change)

    night = Night(games=12, store=Measured())
    for number in range(70):
        request = IdempotentRequest("kosmi", f"key {number}", "hash")
        ballot = Ballot(f"voter {number}", UP, number % 12 + 1)
        later = int(night.now * 1000) + 1000
        night.store.leave(1, LeftBallot(f"of {number:02}", later, ballot, request))
    crowd(night)

    for number in range(6):  # each is the first to have come, and counts as many more as fit
        night.voting.vote(BOT, 1, Ballot(f"early {number}", UP, 1))

    assert sum(up for up, _ in night.tallies()) == 76
    assert 80 < max(sizes) <= 100


def test_whoever_gives_up_takes_its_ballot_back() -> None:
    night = Night(store=Contested())
    night.store.losses = 10_000  # type: ignore[attr-defined]

    with pytest.raises(Contended):
        night.voting.vote(BOT, 1, Ballot("Zoë", UP))

    assert night.store.waiting(1, 10) == []
    assert night.tallies() == [(0, 0)]


def test_whoever_gives_up_too_late_is_answered() -> None:
    class CountedAtTheLastMoment(Contested):
        def take_back(self, session_id: int, left: LeftBallot) -> bool:
            self.losses = 0
            night.now += 1
            crowd(night)
            night.voting.vote(BOT, 1, Ballot("Bob", UP))
            return super().take_back(session_id, left)

    night = Night(store=CountedAtTheLastMoment())
    night.store.losses = 10_000  # type: ignore[attr-defined]

    answer = night.voting.vote(BOT, 1, Ballot("Zoë", UP))

    assert answer["vote"]["username"] == "Zoë"
    assert night.tallies() == [(2, 0)]


def test_a_night_that_ends_while_a_ballot_waits_takes_it_no_more() -> None:
    night = Night()
    crowd(night)

    def host_closes(seconds: float) -> None:
        Night.wait(night, seconds)
        if night.waits == 1:
            night.host.close(claims(), 1)

    night.voting._commits._backoff = replace(night.voting._commits._backoff, sleep=host_closes)

    with pytest.raises(SessionClosed):
        night.voting.vote(BOT, 1, Ballot("Zoë", UP))

    assert night.store.waiting(1, 10) == []
    assert night.tallies() == [(0, 0)]


def test_a_voter_alone_is_counted_at_once() -> None:
    night = Night()

    night.voting.vote(BOT, 1, Ballot("Zoë", UP))

    assert night.waits == 0


def test_fifty_voters_at_the_same_time_all_count_and_none_twice() -> None:
    store = FakeSessionStore()
    Night(store=store)
    stores = VotingStores(store, store, store)
    commits = Commits(store, Backoff(base=0.0005, cap=0.002))
    ids = itertools.count()
    voting = Voting(stores, commits, system_clock, lambda: f"{next(ids)}")

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: voting.vote(BOT, 1, Ballot(f"voter {n}", UP)), range(50)))

    assert [(game.upvotes, game.downvotes) for game in store.games(1)] == [(50, 0)]
    assert [event.cursor.sequence for event in store.log] == list(range(1, 53))
    assert sorted(answer["totals"]["upvotes"] for answer in answers) == list(range(1, 51))
    assert store.waiting(1, 10) == []


def crowd(night: Night) -> None:
    """Have the next voters think that many others vote."""
    session = night.store.session(1)
    assert session is not None
    night.store._sessions[1] = replace(session, crowded_until=int(night.now * 1000) + 3000)

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock

import pytest

from chalicelib.domain.errors import NoGame, SessionClosed, SessionNotFound
from chalicelib.domain.games import NewGame
from chalicelib.domain.idempotency import IdempotencyMismatch, IdempotentRequest
from chalicelib.domain.identity import Role
from chalicelib.domain.votes import Ballot, VoteType
from chalicelib.services.commits import Commits
from chalicelib.services.contention import Backoff
from chalicelib.services.game_nights import GameNights
from chalicelib.services.ports import Change, Record
from chalicelib.services.voting import Voting
from tests.fakes.identity import claims
from tests.fakes.stores import FakeSessionStore

BOT = claims("kosmi", Role.BOT)
UP, DOWN = VoteType.UP, VoteType.DOWN


class Night:
    """A night with the id 1 and as many games as are asked for."""

    def __init__(self, games: int = 1, store: FakeSessionStore | None = None) -> None:
        self.store = store or FakeSessionStore()
        commits = Commits(self.store, Backoff(base=0.0001, cap=0.001))
        self.host = GameNights(self.store, commits, lambda: datetime(2025, 11, 1, tzinfo=UTC), lambda: "e")
        self.voting = Voting(self.store, commits, lambda: datetime(2025, 11, 1, 20, tzinfo=UTC))
        self.host.start(claims(), None)
        for number in range(games):
            self.host.add_game(claims(), 1, NewGame(f"Game {number + 1}"))

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


def test_fifty_voters_at_the_same_time_all_count_and_none_twice() -> None:
    class Serialised(FakeSessionStore):
        """Commits as DynamoDB does, one at a time; what lies between a read and a commit is not."""

        def __init__(self) -> None:
            super().__init__()
            self.lock = Lock()

        def commit(self, change: Change, record: Record | None) -> None:
            with self.lock:
                super().commit(change, record)

    night = Night(store=Serialised())

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda n: night.voting.vote(BOT, 1, Ballot(f"voter {n}", UP)), range(50)))

    assert night.tallies() == [(50, 0)]
    assert [event.cursor.sequence for event in night.store.log] == list(range(1, 53))

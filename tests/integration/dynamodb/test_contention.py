import json
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.auth.claims import Role
from chalicelib.errors import SessionClosed
from chalicelib.idempotency import Idempotent, IdempotentRequest
from chalicelib.nights.events import session_stream
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter, count_sessions
from chalicelib.nights.votes import VoteRequest, VoteType
from chalicelib.nights.voting import Voting
from chalicelib.retry import Backoff, TimeBudget
from chalicelib.timestamps import system_clock
from tests.fakes.identity import claims
from tests.integration.dynamodb.conftest import SessionsTable

PATIENT = Backoff(budget=TimeBudget(60))
"""A test shares its machine; who waits longer than a client would has not failed for that."""

BOT = claims(role=Role.BOT)


class Night:
    """A night with one game, and what counts its votes."""

    def __init__(self, house: SessionsTable) -> None:
        commits = Idempotent(house.answers, PATIENT)
        self.house = house
        self.counter = VoteCounter(house.sessions, house.pending, system_clock)
        self.voting = Voting(self.counter, commits, system_clock, lambda: secrets.token_hex(8))
        self.host = Hosting(self.counter, commits, system_clock, lambda: "e")
        self.host.start(claims(), None)
        self.host.add_game(claims(), 1, NewGame("Quiplash"))

    def vote(self, number: int, *, keyed: bool = False) -> Any:
        request = IdempotentRequest("kosmi", f"key {number}", "hash") if keyed else None
        return self.voting.vote(BOT, 1, VoteRequest(f"voter {number}", VoteType.UP, 1), request)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Have votes counted all the time, and those that are left at the end."""
        over = threading.Event()

        def count() -> None:
            while not over.is_set():
                count_sessions(self.counter, PATIENT, {1: ["1"]})

        with ThreadPoolExecutor(1) as counting:
            counter = counting.submit(count)
            try:
                yield
            finally:
                over.set()
            counter.result()
        assert count_sessions(self.counter, PATIENT, {1: ["1"]}) == []

    def events(self) -> list[Any]:
        events = [*self.house.log.events(session_stream(1), 0, 200)]
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        return [json.loads(event.envelope) for event in events]


@pytest.mark.parametrize("keyed", [False, True])
def test_fifty_voters_and_a_host_at_once_all_succeed_once(house: SessionsTable, *, keyed: bool) -> None:
    night = Night(house)

    def vote(number: int) -> None:
        answers = [night.vote(number, keyed=keyed) for _ in range(2 if keyed else 1)]
        assert all(answer == answers[0] for answer in answers)

    with night.counted(), ThreadPoolExecutor(25) as threads:
        for_votes = [threads.submit(vote, number) for number in range(50)]
        for_games = [threads.submit(night.host.add_game, claims(), 1, NewGame(f"Game {n}")) for n in range(2)]
    for one in for_votes:
        one.result()

    assert sorted(one.result()["id"] for one in for_games) == [2, 3]
    events = night.events()
    assert Counter(event["type"] for event in events) == {
        "session.started": 1,
        "game.added": 3,
        "vote.received": 50,
    }
    voted = [event["data"] for event in events if event["type"] == "vote.received"]
    assert {one["vote"]["username"] for one in voted} == {f"voter {number}" for number in range(50)}
    assert [one["totals"]["upvotes"] for one in voted] == list(range(1, 51))
    assert [(game.upvotes, game.downvotes) for game in house.sessions.games(1)] == [(50, 0), (0, 0), (0, 0)]
    assert house.pending.waiting(1, 10) == []


def test_a_close_among_fifty_voters_counts_exactly_who_was_answered(house: SessionsTable) -> None:
    night = Night(house)
    enough = threading.Semaphore(0)

    def vote(number: int) -> str | None:
        try:
            answer = night.vote(number)
        except SessionClosed:
            return None
        finally:
            enough.release()
        return str(answer["vote"]["username"])

    with night.counted(), ThreadPoolExecutor(25) as threads:
        votes = [threads.submit(vote, number) for number in range(50)]
        for _ in range(15):
            enough.acquire()
        night.host.close(claims(), 1)
    answered = [name for one in votes if (name := one.result()) is not None]

    events = night.events()
    heard = [event["data"]["vote"]["username"] for event in events if event["type"] == "vote.received"]
    assert Counter(heard) == Counter(answered)
    assert [event["type"] for event in events].index("session.ended") == len(events) - 1
    assert [(game.upvotes, game.downvotes) for game in house.sessions.games(1)] == [(len(answered), 0)]

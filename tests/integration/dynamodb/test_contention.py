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

    def __init__(self, sessions_table: SessionsTable) -> None:
        commits = Idempotent(sessions_table.answers, PATIENT)
        self.sessions_table = sessions_table
        self.counter = VoteCounter(sessions_table.sessions, sessions_table.pending, system_clock)
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
        events = [*self.sessions_table.log.events(session_stream(1), 0, 200)]
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        return [json.loads(event.envelope) for event in events]


@pytest.mark.parametrize("keyed", [False, True])
def test_a_close_among_fifty_voters_counts_whom_it_answered(
    sessions_table: SessionsTable, *, keyed: bool
) -> None:
    night = Night(sessions_table)
    enough = threading.Semaphore(0)

    def vote(number: int) -> str | None:
        try:
            answers = [night.vote(number, keyed=keyed) for _ in range(2 if keyed else 1)]
        except SessionClosed:
            return None
        finally:
            enough.release()
        assert answers[1:] == answers[:-1]
        return str(answers[0]["vote"]["username"])

    with night.counted(), ThreadPoolExecutor(25) as threads:
        games = [threads.submit(night.host.add_game, claims(), 1, NewGame(f"Game {n}")) for n in range(2)]
        votes = [threads.submit(vote, number) for number in range(50)]
        added = sorted(one.result()["id"] for one in games)
        for _ in range(15):
            enough.acquire()
        night.host.close(claims(), 1)
    answered = [name for one in votes if (name := one.result()) is not None]

    events = night.events()
    voted = [event["data"] for event in events if event["type"] == "vote.received"]
    assert added == [2, 3]
    assert Counter(one["vote"]["username"] for one in voted) == Counter(answered)
    assert [one["totals"]["upvotes"] for one in voted] == list(range(1, len(answered) + 1))
    assert [event["type"] for event in events].index("session.ended") == len(events) - 1
    tallies = [(game.upvotes, game.downvotes) for game in sessions_table.sessions.games(1)]
    assert tallies == [(len(answered), 0), (0, 0), (0, 0)]

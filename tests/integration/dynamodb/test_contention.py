import json
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.auth.claims import Role
from chalicelib.backoff import Backoff
from chalicelib.idempotency import Commits, IdempotentRequest
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import GameNights
from chalicelib.nights.votes import Ballot, VoteType
from chalicelib.nights.voting import POLL, Voting, VotingStores
from chalicelib.timestamps import system_clock
from tests.fakes.identity import claims
from tests.integration.dynamodb.conftest import SessionsTable

PATIENT = Backoff(patience=60)
"""A test shares its machine; who waits longer than a client would has not failed for that."""


@pytest.mark.parametrize("keyed", [False, True])
def test_fifty_voters_at_once_and_a_host_all_succeed_and_nothing_happens_twice(
    house: SessionsTable,
    keyed: bool,  # noqa: FBT001 - a parameter
) -> None:
    stores = VotingStores(house.sessions, house.box, house.answers)
    patient = Backoff(POLL.base, POLL.cap, patience=60)
    voting = Voting(stores, Commits(house.answers, patient), system_clock, lambda: secrets.token_hex(8))
    host = GameNights(house.sessions, Commits(house.answers, PATIENT), system_clock, lambda: "e")
    host.start(claims(), None)
    host.add_game(claims(), 1, NewGame("Quiplash"))

    def vote(number: int) -> None:
        request = IdempotentRequest("kosmi", f"key {number}", "hash") if keyed else None
        ballot = Ballot(f"voter {number}", VoteType.UP, 1)
        answers = [voting.vote(claims(role=Role.BOT), 1, ballot, request) for _ in range(2 if keyed else 1)]
        assert all(answer == answers[0] for answer in answers)

    with ThreadPoolExecutor(25) as threads:
        for_votes = [threads.submit(vote, number) for number in range(50)]
        for_games = [threads.submit(host.add_game, claims(), 1, NewGame(f"Game {n}")) for n in range(2)]
    for one in for_votes:
        one.result()
    for_game = [one.result() for one in for_games]

    assert sorted(game["id"] for game in for_game) == [2, 3]

    events = [*house.log.events(1, 0, 100)]
    assert [event.cursor.sequence for event in events] == list(range(1, 55))
    assert Counter(event.type.value for event in events) == {
        "session.started": 1,
        "game.added": 3,
        "vote.received": 50,
    }
    voted = [json.loads(event.envelope)["data"] for event in events if event.type == "vote.received"]
    assert {one["vote"]["username"] for one in voted} == {f"voter {number}" for number in range(50)}
    assert [one["totals"]["upvotes"] for one in voted] == list(range(1, 51))
    assert [(game.upvotes, game.downvotes) for game in house.sessions.games(1)] == [(50, 0), (0, 0), (0, 0)]
    assert house.box.waiting(1, 10) == []

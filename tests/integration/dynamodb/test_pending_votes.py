from dataclasses import replace

import pytest

from chalicelib.idempotency import IdempotentRequest, StreamMoved
from chalicelib.nights.counting import LeftBallot, count
from chalicelib.nights.games import NewGame, add_game
from chalicelib.nights.ports import BallotBox, Change, EventLog, SessionStore
from chalicelib.nights.sessions import Session, start_session
from chalicelib.nights.votes import Ballot, VoteType
from tests.integration.dynamodb.conftest import SessionsTable

NOW = "2025-11-01T20:00:00.123Z"


def left(number: int, name: str, way: VoteType = VoteType.UP) -> LeftBallot:
    return LeftBallot(f"id{number}", 1_762_027_200_000 + number, Ballot(name, way))


def night(store: SessionStore) -> Session:
    head = store.head()
    session, event = start_session(head, epoch="e1", notes=None, now=NOW)
    store.start(head, session, event)
    after, game, event = add_game(session, NewGame("Quiplash"), now=NOW)
    store.commit(Change(session, after, [event], game=game))
    return after


def counted(
    store: SessionStore, session: Session, *ballots: LeftBallot, drop: LeftBallot | None = None
) -> Session:
    keys = {(1, one.ballot.voter) for one in ballots}
    games, votes = store.games_and_votes(1, keys)
    made = count(session, games, votes, ballots, now=NOW)
    store.commit(
        Change(
            session,
            made.session,
            made.events,
            counted=[(games[1], made.games[1])],
            votes=[(votes.get(key), made.votes[key]) for key in keys],
            ballots=ballots,
            dropped=[drop] if drop else [],
        )
    )
    return made.session


def test_ballots_wait_in_the_order_in_which_they_were_left(box: BallotBox) -> None:
    keyed = replace(left(2, "bob"), request=IdempotentRequest("kosmi", "k#1", "hash"))
    for_a_game = LeftBallot("id3", left(3, "").left_at, Ballot("Cleo", VoteType.DOWN, 7))
    for one in (for_a_game, keyed, left(1, "ada")):
        box.leave(1, one)

    assert box.waiting(1, 10) == [left(1, "ada"), keyed, for_a_game]
    assert box.waiting(1, 2) == [left(1, "ada"), keyed]
    assert box.waiting(2, 10) == []


def test_a_ballot_is_taken_back_once(box: BallotBox) -> None:
    box.leave(1, left(1, "ada"))

    assert box.take_back(1, left(1, "ada"))
    assert not box.take_back(1, left(1, "ada"))
    assert box.waiting(1, 10) == []


def test_what_is_counted_leaves_the_box_with_its_events_in_order(
    sessions: SessionStore, box: BallotBox, log: EventLog
) -> None:
    session = night(sessions)
    ballots = [left(1, "ada"), left(2, "bob", VoteType.DOWN), left(3, "ada", VoteType.DOWN)]
    for one in (*ballots, left(4, "dead"), left(5, "later")):
        box.leave(1, one)

    session = counted(sessions, session, *ballots, drop=left(4, "dead"))

    assert box.waiting(1, 10) == [left(5, "later")]
    assert sessions.session(1) == session
    assert session.sequence == 5
    (game,) = sessions.games(1)
    assert (game.upvotes, game.downvotes) == (0, 2)
    events = log.events(1, after=0, limit=100)
    assert [event.cursor.sequence for event in events] == [1, 2, 3, 4, 5]
    assert [event.type for event in events[2:]] == ["vote.received"] * 3


@pytest.mark.parametrize(("after", "limit", "sequences"), [(2, 2, [3, 4]), (3, 9, [4, 5, 6]), (4, 1, [5])])
def test_the_log_is_read_from_within_what_was_counted_together(
    house: SessionsTable, after: int, limit: int, sequences: list[int]
) -> None:
    sessions, box, log = house.sessions, house.box, house.log
    session = night(sessions)
    ballots = [left(number, f"voter {number}") for number in range(3)]
    for one in (*ballots, left(3, "last")):
        box.leave(1, one)
    session = counted(sessions, session, *ballots)
    counted(sessions, session, left(3, "last"))

    assert [event.cursor.sequence for event in log.events(1, after, limit)] == sequences


def test_a_ballot_that_is_not_in_the_box_any_more_is_not_counted_again(
    sessions: SessionStore, box: BallotBox
) -> None:
    session = night(sessions)
    for one in (left(1, "ada"), left(2, "bob")):
        box.leave(1, one)
    box.take_back(1, left(2, "bob"))

    with pytest.raises(StreamMoved):
        counted(sessions, session, left(1, "ada"), left(2, "bob"))

    assert sessions.session(1) == session
    assert box.waiting(1, 10) == [left(1, "ada")]


def test_the_answer_to_a_counted_ballot_is_found_in_the_log(sessions: SessionStore, box: BallotBox) -> None:
    session = night(sessions)
    for one in (left(1, "ada"), left(2, "bob"), left(3, "cleo")):
        box.leave(1, one)
    session = counted(sessions, session, left(1, "ada"), left(2, "bob"))

    answer, seen = box.outcome(1, "id2", after=2)
    waits, looked_at = box.outcome(1, "id3", after=2)

    assert answer is not None
    assert answer["vote"]["username"] == "bob"
    assert answer["totals"] == {"upvotes": 2, "downvotes": 0, "score": 2}
    assert seen == 4
    assert (waits, looked_at) == (None, 4)
    assert box.outcome(1, "id3", after=4) == (None, 4)


def test_votes_are_told_to_be_counted_together_for_as_long_as_it_is_crowded(house: SessionsTable) -> None:
    session = night(house.sessions)
    house.box.leave(1, left(1, "ada"))

    after = replace(session, crowded_until=5)
    counted(house.sessions, after, left(1, "ada"))

    stored = house.sessions.session(1)
    assert stored is not None
    assert stored.crowded_until == 5

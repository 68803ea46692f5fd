from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.idempotency import IdempotentRequest, Record, VersionConflict
from chalicelib.nights.events import session_stream
from chalicelib.nights.pending_votes import VoteCounter
from chalicelib.nights.ports import Commit, EventLog, PendingVoteStore, SessionStore, VotingState
from chalicelib.nights.sessions import Session, end_session
from chalicelib.nights.votes import PendingVote, Vote, VoteType
from tests.integration.dynamodb.conftest import SessionsTable
from tests.integration.dynamodb.nights import NOW, added, night


def waiting(number: int, name: str, way: VoteType = VoteType.UP) -> PendingVote:
    return PendingVote(f"{1_762_027_200_000 + number:014}#id", Vote(1, name, way, NOW))


def stored(pending: PendingVoteStore, *votes: PendingVote) -> None:
    for one in votes:
        pending.add(1, one)


def count(sessions_table: SessionsTable) -> Session:
    """Count what waits, and return the session as it is then."""
    VoteCounter(
        sessions_table.sessions, sessions_table.pending, lambda: datetime.fromisoformat(NOW)
    ).count_pending(1)
    session = sessions_table.sessions.session(1)
    assert session is not None
    return session


def sequences(log: EventLog, after: int, limit: int) -> Sequence[int]:
    return [event.sequence for event in log.events(session_stream(1), after, limit)]


def test_votes_wait_in_the_order_of_their_ids(pending: PendingVoteStore) -> None:
    stored(pending, waiting(3, "Cleo", VoteType.DOWN), waiting(2, "bob"), waiting(1, "ada"))

    assert pending.waiting(1, 10) == [waiting(1, "ada"), waiting(2, "bob"), waiting(3, "Cleo", VoteType.DOWN)]
    assert pending.waiting(1, 2) == [waiting(1, "ada"), waiting(2, "bob")]
    assert pending.waiting(2, 10) == []


def test_counted_votes_wait_no_more(sessions_table: SessionsTable) -> None:
    night(sessions_table.sessions, "Quiplash")
    stored(
        sessions_table.pending,
        waiting(1, "ada"),
        waiting(2, "bob", VoteType.DOWN),
        waiting(3, "ada", VoteType.DOWN),
    )

    session = count(sessions_table)

    assert sessions_table.pending.waiting(1, 10) == []
    assert not sessions_table.pending.is_waiting(1, waiting(1, "ada").id)
    assert session.sequence == 5
    assert session.crowded_until > 0
    (game,) = sessions_table.sessions.games(1)
    assert (game.upvotes, game.downvotes) == (0, 2)
    assert sequences(sessions_table.log, 0, 100) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("after", "limit", "found"), [(2, 2, [3, 4]), (3, 9, [4, 5, 6]), (4, 1, [5])])
def test_the_log_is_read_from_within_a_batch(
    sessions_table: SessionsTable, after: int, limit: int, found: list[int]
) -> None:
    night(sessions_table.sessions, "Quiplash")
    stored(sessions_table.pending, *(waiting(number, f"voter {number}") for number in range(3)))
    count(sessions_table)
    stored(sessions_table.pending, waiting(3, "last"))
    count(sessions_table)

    assert sequences(sessions_table.log, after, limit) == found


def test_a_batch_of_the_largest_votes_fits_into_a_transaction(sessions_table: SessionsTable) -> None:
    session = night(sessions_table.sessions, "Quiplash")
    for _ in range(17):
        session = added(sessions_table.sessions, session, "🎲" * 200)
    for number in range(40):
        one = waiting(number, f"{number:02}" + "🎲" * 78)
        stored(sessions_table.pending, replace(one, vote=replace(one.vote, game_id=1 + number % 18)))

    assert count(sessions_table).sequence == session.sequence + 40


def test_a_vote_that_waits_no_more_is_not_counted_again(sessions_table: SessionsTable) -> None:
    session = night(sessions_table.sessions, "Quiplash")
    stored(sessions_table.pending, waiting(1, "ada"))

    with pytest.raises(VersionConflict):
        sessions_table.sessions.commit(
            Commit(session, session, (), pending=[waiting(1, "ada"), waiting(2, "bob")])
        )

    assert sessions_table.sessions.session(1) == session
    assert sessions_table.pending.waiting(1, 10) == [waiting(1, "ada")]


def test_a_vote_is_stored_with_its_record_or_neither_is(sessions_table: SessionsTable) -> None:
    record = Record(IdempotentRequest("kosmi", "key", "hash"), "{}")
    sessions_table.pending.add(1, waiting(1, "ada"), [record])

    with pytest.raises(VersionConflict):
        sessions_table.pending.add(1, waiting(2, "ada"), [record])

    assert sessions_table.answers.recorded_answer(record.request) is not None
    assert sessions_table.pending.waiting(1, 10) == [waiting(1, "ada")]


def test_a_voter_sees_whether_a_session_is_open_and_titles(sessions: SessionStore) -> None:
    session = night(sessions, "Quiplash")
    seen = [sessions.voting_state(1, 1), sessions.voting_state(1, 2)]

    closing = replace(session, closing=True)
    sessions.commit(Commit(session, closing, ()))
    with pytest.raises(VersionConflict):
        sessions.commit(Commit(session, replace(session, sequence=3), ()))
    seen.append(sessions.voting_state(1, 1))
    ended, event = end_session(closing, now=NOW)
    sessions.commit(Commit(closing, ended, [event]))
    seen.append(sessions.voting_state(1, 1))

    open_, closed = VotingState(is_open=True, title="Quiplash"), VotingState(is_open=False, title="Quiplash")
    assert seen == [open_, replace(open_, title=None), closed, closed]


def test_a_vote_sent_again_after_counting_is_stored_once(table: Callable[[], Table]) -> None:
    """botocore sends a write again whose answer was lost; meanwhile the vote may have been counted."""
    made = table()
    store = DynamoSessionStore(made, lambda: 1_000_000.0)
    sessions_table = SessionsTable(store, store.log, store.answers, store.pending, store.invites, [])
    night(store, "Quiplash")
    client: Any = made.database.connection.client
    sent: list[Any] = []

    def remember(request: Any, **_: Any) -> None:
        sent.append(request)

    client.meta.events.register_first("before-send.dynamodb.TransactWriteItems", remember)
    stored(store.pending, waiting(1, "ada"))
    count(sessions_table)
    answer = client._endpoint.http_session.send(sent[0])

    assert answer.status_code == 200
    assert store.pending.waiting(1, 10) == []

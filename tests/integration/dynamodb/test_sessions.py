from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.idempotency import (
    RETENTION_SECONDS,
    AnswerStore,
    IdempotentRequest,
    Record,
    RecordedAnswer,
    VersionConflict,
)
from chalicelib.nights.ports import Commit, SessionStore
from chalicelib.nights.sessions import Session, end_session
from tests.integration.dynamodb.conftest import SessionsTable
from tests.integration.dynamodb.nights import NOW, night, start


def test_an_empty_store_has_a_head_whose_epoch_stays(sessions: SessionStore) -> None:
    first = sessions.head()

    again = sessions.head()

    assert first.sequence == 0
    assert first.epoch
    assert again == first


def test_a_started_session_is_read_back_at_once(sessions: SessionStore) -> None:
    start(sessions)

    session = sessions.session(1)

    assert session is not None
    assert (session.id, session.notes, session.created_at, session.is_active) == (
        1,
        "Friday «é🎲»",
        NOW,
        True,
    )
    assert (session.epoch, session.sequence) == ("e1", 1)
    assert sessions.head().sequence == 1


def test_a_writer_that_lost_the_race_changes_nothing(sessions: SessionStore) -> None:
    stale = sessions.head()
    start(sessions)

    with pytest.raises(VersionConflict):
        start(sessions, stale)

    assert sessions.head().sequence == 1
    assert sessions.session(2) is None


@pytest.mark.parametrize("other", [("host", "key 2"), ("host#key", "1"), ("hos", "t#key 1")])
def test_another_subjects_key_is_another_key(
    sessions: SessionStore, answers: AnswerStore, other: tuple[str, str]
) -> None:
    start(sessions, record=Record(IdempotentRequest("host", "key 1", "hash"), '{"id":1}'))

    recorded = answers.recorded_answer(IdempotentRequest(*other, "hash"))

    assert recorded is None


def test_sessions_are_read_in_order_to_a_limit(sessions: SessionStore) -> None:
    for _ in range(5):
        start(sessions)

    assert [one.id for one in sessions.sessions(after=1, limit=3)] == [2, 3, 4]
    assert [one.id for one in sessions.sessions(after=4, limit=100)] == [5]


def test_a_session_from_before_games_could_be_removed_is_read_as_it_was(
    table: Callable[[], Table], dynamodb: Any
) -> None:
    old = table()
    store = DynamoSessionStore(old, lambda: 0.0)
    session = night(store, "Quiplash", "Fibbage")
    key = {"PK": {"S": "session#1"}, "SK": {"S": "head"}}
    dynamodb.update_item(TableName=old.name, Key=key, UpdateExpression="REMOVE removed_games")

    item = dynamodb.get_item(TableName=old.name, Key=key)["Item"]

    assert (item["games_played"], "removed_games" in item) == ({"N": "2"}, False)
    assert store.session(1) == session
    assert store.voting_state(1, 2).is_removed is False


def test_an_ended_session_is_not_the_active_one(sessions: SessionStore) -> None:
    assert sessions.newest_active() is None
    for _ in range(3):
        start(sessions)

    ended = end(sessions, 3)

    assert sessions.session(3) == ended
    assert (ended.is_active, ended.ended_at, ended.sequence) == (False, NOW, 2)
    newest = sessions.newest_active()
    assert newest is not None
    assert newest.id == 2


class Overtaken(DynamoSessionStore):
    """So many times, before the session of a marker is read, another host starts one and ends this one."""

    def __init__(self, table: Table, times: int) -> None:
        super().__init__(table, lambda: 1_000_000.0)
        self._another_host = DynamoSessionStore(table, lambda: 1_000_000.0)
        self._times = times

    def session(self, session_id: int) -> Session | None:
        if self._times:
            self._times -= 1
            start(self._another_host)
            end(self._another_host, session_id)
        return super().session(session_id)


@pytest.mark.parametrize("times", [1, 3])
def test_a_start_while_another_ends_is_the_active_one(table: Callable[[], Table], times: int) -> None:
    store = Overtaken(table(), times)
    start(store)

    newest = store.newest_active()

    assert newest is not None
    assert (newest.id, newest.is_active) == (1 + times, True)


def test_a_marker_left_behind_hides_no_session(table: Callable[[], Table]) -> None:
    class Unmarked(DynamoSessionStore):
        """As a restored table may have it: the session is gone and its marker is not."""

        def session(self, session_id: int) -> Session | None:
            return None if session_id == 1 else super().session(session_id)

    store = Unmarked(table(), lambda: 1_000_000.0)
    start(store)

    assert store.newest_active() is None


def end(store: SessionStore, session_id: int) -> Session:
    session = store.session(session_id)
    assert session is not None
    ended, event = end_session(session, now=NOW)
    store.commit(Commit(session, ended, [event]))
    return ended


def test_an_answer_is_recorded_with_its_change_and_once(sessions: SessionStore, answers: AnswerStore) -> None:
    record = Record(IdempotentRequest("host", "key 1", "hash"), '{"id":1}')
    start(sessions, record=record)

    with pytest.raises(VersionConflict):
        start(sessions, record=replace(record, answer='{"id":2}'))
    session = sessions.session(1)
    assert session is not None
    ended, event = end_session(session, now=NOW)
    with pytest.raises(VersionConflict):
        sessions.commit(Commit(session, ended, [event], records=[record]))

    assert answers.recorded_answer(record.request) == RecordedAnswer("hash", '{"id":1}')
    assert (sessions.head().sequence, sessions.session(1)) == (1, session)


REQUEST = IdempotentRequest("host", "key 1", "hash")


def test_an_answer_that_comes_with_no_change_is_recorded_once(answers: AnswerStore) -> None:
    answers.record(Record(REQUEST, "first"))

    with pytest.raises(VersionConflict):
        answers.record(Record(REQUEST, "second"))

    assert answers.recorded_answer(REQUEST) == RecordedAnswer("hash", "first")


def test_a_key_can_be_used_again_after_its_day(sessions_table: SessionsTable) -> None:
    sessions_table.answers.record(Record(REQUEST, "first"))
    sessions_table.clock[0] += RETENTION_SECONDS

    forgotten = sessions_table.answers.recorded_answer(REQUEST)
    sessions_table.answers.record(Record(REQUEST, "second"))

    assert forgotten is None
    assert sessions_table.answers.recorded_answer(REQUEST) == RecordedAnswer("hash", "second")

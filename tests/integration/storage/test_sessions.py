import pytest

from chalicelib.domain.idempotency import IdempotentRequest
from chalicelib.domain.sessions import StreamHead, start_session
from chalicelib.services.ports import Record, SessionStore, StreamMoved

NOW = "2025-11-01T20:00:00.123Z"


def start(store: SessionStore, head: StreamHead | None = None, record: Record | None = None) -> StreamHead:
    head = head or store.head()
    session, event = start_session(head, epoch="e1", notes="Friday", now=NOW)
    store.start(head, session, event, record)
    return head


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
    assert (session.id, session.notes, session.created_at, session.is_active) == (1, "Friday", NOW, True)
    assert (session.epoch, session.sequence) == ("e1", 1)
    assert sessions.head().sequence == 1


def test_a_session_that_was_never_started_is_none(sessions: SessionStore) -> None:
    assert sessions.session(1) is None


def test_a_writer_that_lost_the_race_changes_nothing(sessions: SessionStore) -> None:
    stale = start(sessions)

    with pytest.raises(StreamMoved):
        start(sessions, stale)

    assert sessions.head().sequence == 1
    assert sessions.session(2) is None


def test_an_answer_is_recorded_with_the_change(sessions: SessionStore) -> None:
    request = IdempotentRequest("host", "key 1", "hash")
    start(sessions, record=Record(request, '{"id":1}'))

    recorded = sessions.recorded_answer(request)

    assert recorded is not None
    assert (recorded.request_hash, recorded.answer) == ("hash", '{"id":1}')


def test_a_recorded_key_stops_a_second_change(sessions: SessionStore) -> None:
    request = IdempotentRequest("host", "key 1", "hash")
    start(sessions, record=Record(request, '{"id":1}'))

    with pytest.raises(StreamMoved):
        start(sessions, record=Record(request, '{"id":2}'))

    assert sessions.head().sequence == 1


@pytest.mark.parametrize("other", [("host", "key 2"), ("host#key", "1"), ("hos", "t#key 1")])
def test_another_subjects_key_is_another_key(sessions: SessionStore, other: tuple[str, str]) -> None:
    start(sessions, record=Record(IdempotentRequest("host", "key 1", "hash"), '{"id":1}'))

    recorded = sessions.recorded_answer(IdempotentRequest(*other, "hash"))

    assert recorded is None

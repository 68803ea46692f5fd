import pytest

from chalicelib.idempotency import RETENTION_SECONDS, AnswerStore, IdempotentRequest, Record, VersionConflict
from tests.integration.dynamodb.conftest import SessionsTable

REQUEST = IdempotentRequest("host", "key 1", "hash")


def test_an_answer_that_comes_with_no_change_is_recorded_once(answers: AnswerStore) -> None:
    answers.record(Record(REQUEST, "first"))

    with pytest.raises(VersionConflict):
        answers.record(Record(REQUEST, "second"))

    recorded = answers.recorded_answer(REQUEST)
    assert recorded is not None
    assert recorded.answer == "first"


def test_a_key_can_be_used_again_after_its_day(sessions_table: SessionsTable) -> None:
    sessions_table.answers.record(Record(REQUEST, "first"))
    sessions_table.clock[0] += RETENTION_SECONDS

    forgotten = sessions_table.answers.recorded_answer(REQUEST)
    sessions_table.answers.record(Record(REQUEST, "second"))

    recorded = sessions_table.answers.recorded_answer(REQUEST)
    assert forgotten is None
    assert recorded is not None
    assert recorded.answer == "second"

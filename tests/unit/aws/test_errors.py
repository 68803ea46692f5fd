import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from pynamodb.exceptions import PutError, TransactWriteError

from chalicelib.aws.dynamodb.errors import condition_failed, lost_race

NO_ANSWER = [
    kind(endpoint_url="http://localhost")
    for kind in (ReadTimeoutError, ConnectTimeoutError, ConnectionClosedError, EndpointConnectionError)
]


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutItem")


@pytest.mark.parametrize("cause", NO_ANSWER, ids=lambda cause: type(cause).__name__)
def test_a_write_that_got_no_answer_has_lost_no_race(cause: BotoCoreError) -> None:
    assert not lost_race(TransactWriteError("no answer", cause))
    assert not condition_failed(PutError("no answer", cause))


def test_a_transaction_that_is_not_decided_yet_has_lost_no_race() -> None:
    assert not lost_race(TransactWriteError("refused", refusal("TransactionInProgressException")))


def test_a_refusal_is_known_by_its_code() -> None:
    assert condition_failed(PutError("refused", refusal("ConditionalCheckFailedException")))
    assert not condition_failed(PutError("refused", refusal("ThrottlingException")))

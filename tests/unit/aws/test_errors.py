from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from pynamodb.exceptions import CancellationReason, PutError, TransactWriteError, VerboseClientError

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


def test_a_refusal_is_known_by_its_code() -> None:
    assert condition_failed(PutError("refused", refusal("ConditionalCheckFailedException")))
    assert not condition_failed(PutError("refused", refusal("ThrottlingException")))


def cancelled(*codes: str | None) -> TransactWriteError:
    reasons = [CancellationReason(code) if code else None for code in codes]
    response: Any = {"Error": {"Code": "TransactionCanceledException"}}
    cause = VerboseClientError(response, "TransactWriteItems", cancellation_reasons=reasons)
    return TransactWriteError("cancelled", cause)


@pytest.mark.parametrize(
    ("codes", "lost", "failed"),
    [
        (("ConditionalCheckFailed", None), True, True),
        (("ConditionalCheckFailed", "ThrottlingError"), True, True),
        ((None, "TransactionConflict"), True, False),
        (("ThrottlingError", "TransactionConflict"), True, False),
        (("ThrottlingError", None), False, False),
        (("ProvisionedThroughputExceeded",), False, False),
        (("TransactionConflict", "ValidationError"), False, False),
        ((), False, False),
    ],
)
def test_reasons_tell_who_was_first(codes: tuple[str | None, ...], lost: bool, failed: bool) -> None:  # noqa: FBT001 - parameters
    error = cancelled(*codes)

    assert (lost_race(error), condition_failed(error)) == (lost, failed)

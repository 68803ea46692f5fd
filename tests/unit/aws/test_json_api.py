import json
import logging
from typing import Any, ClassVar, cast
from urllib.parse import SplitResult

import pytest

from chalicelib.aws.http import HttpClient, NoAnswer
from chalicelib.aws.json_api import DynamoApi, SqsApi
from chalicelib.errors import Unavailable
from chalicelib.retry import ConditionFailed, RetryPolicy, TimeBudget
from chalicelib.settings import Keys

KEYS = Keys("AKIDEXAMPLE", "not much of a secret")
AT_ONCE = RetryPolicy(attempts=4, base_seconds=0, cap_seconds=0)
FOUND = {"Items": [], "Count": 0}

Answer = tuple[int, bytes] | NoAnswer
OK: Answer = (200, json.dumps(FOUND).encode())


def failure(status: int, code: str, *reasons: str) -> Answer:
    error: dict[str, Any] = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}
    if reasons:
        error["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return status, json.dumps(error).encode()


def cancelled(*reasons: str) -> Answer:
    return failure(400, "TransactionCanceledException", *reasons)


class FakeHttp:
    """Gives its answers in turn, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, bytes]] = []

    def clock(self) -> float:
        return 1_762_000_000.0

    async def request(self, endpoint: SplitResult, data: bytes) -> tuple[int, bytes]:
        self.requests.append((endpoint.geturl(), data))
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, NoAnswer):
            raise answer
        return answer


def dynamodb(http: FakeHttp, **options: Any) -> DynamoApi:
    return DynamoApi(cast("HttpClient", http), None, "r", lambda: KEYS, **{"retry": AT_ONCE, **options})


async def test_a_call_names_its_operation_and_returns_its_answer() -> None:
    http = FakeHttp(OK)

    found = await dynamodb(http).call("Query", {"TableName": "connections", "Limit": 5})

    ((url, request),) = http.requests
    assert found == FOUND
    assert url == "https://dynamodb.r.amazonaws.com"
    assert b"\r\nx-amz-target: DynamoDB_20120810.Query\r\n" in request
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == {"TableName": "connections", "Limit": 5}


async def test_sqs_is_called_at_the_endpoint_that_is_given() -> None:
    http = FakeHttp(OK)

    await SqsApi(cast("HttpClient", http), "http://127.0.0.1:9/", "r", lambda: KEYS).call("SendMessage", {})

    ((url, request),) = http.requests
    assert url == "http://127.0.0.1:9"
    assert b"\r\nx-amz-target: AmazonSQS.SendMessage\r\n" in request


@pytest.mark.parametrize(
    "passing",
    [
        failure(400, "ProvisionedThroughputExceededException"),
        failure(400, "ThrottlingException"),
        failure(400, "RequestThrottled"),
        failure(400, "TransactionConflictException"),
        failure(500, "InternalServerError"),
        (503, b"no JSON"),
        NoAnswer("the connection was closed"),
        cancelled("None", "TransactionConflict"),
        cancelled("ThrottlingError", "ProvisionedThroughputExceeded"),
    ],
)
async def test_what_passes_is_tried_again(passing: Answer) -> None:
    http = FakeHttp(passing, passing, OK)

    found = await dynamodb(http).call("Query", {})

    assert found == FOUND
    assert len(http.requests) == 3


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        (failure(400, "ConditionalCheckFailedException"), ()),
        (
            cancelled("TransactionConflict", "None", "ConditionalCheckFailed"),
            ("TransactionConflict", "None", "ConditionalCheckFailed"),
        ),
    ],
)
async def test_a_condition_that_fails_is_told_at_once(answer: Answer, reasons: tuple[str, ...]) -> None:
    http = FakeHttp(answer)

    with pytest.raises(ConditionFailed) as caught:
        await dynamodb(http).call("TransactWriteItems", {})

    assert len(http.requests) == 1
    assert caught.value.args == reasons


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (failure(400, "ResourceNotFoundException"), "400 ResourceNotFoundException"),
        (failure(400, "AccessDeniedException"), "400 AccessDeniedException"),
        (cancelled("TransactionConflict", "ValidationError"), "400 TransactionCanceledException"),
        ((403, b"[]"), "403 an error without a type"),
        ((403, b'{"__type": 5}'), "403 an error without a type"),
    ],
)
async def test_a_refusal_is_final_and_the_log_names_it(
    answer: Answer, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    http = FakeHttp(answer)

    with caplog.at_level(logging.WARNING), pytest.raises(Unavailable):
        await dynamodb(http).call("Query", {})

    assert len(http.requests) == 1
    assert vars(caplog.records[0])["reason"] == reason
    assert str(KEYS.secret_key) not in str(vars(caplog.records[0]))


@pytest.mark.parametrize(("pause", "attempts"), [(0.0, AT_ONCE.attempts), (3.0, 1)])
async def test_retries_end_with_the_attempts_or_the_time(pause: float, attempts: int) -> None:
    class After(RetryPolicy, frozen=True):
        def delay(self, *_: object) -> float:
            return pause

    http = FakeHttp(failure(500, "InternalServerError"))
    budget = TimeBudget(monotonic=lambda: 0.0)
    budget.begin(2.0)

    with pytest.raises(Unavailable):
        await dynamodb(http, retry=After(AT_ONCE.attempts, 1, 9), budget=budget).call("Query", {})

    assert len(http.requests) == attempts


class Missing(Exception):
    pass


class Library(DynamoApi):
    errors: ClassVar = {"ResourceNotFoundException": Missing}


@pytest.mark.parametrize(
    ("code", "raised"), [("ResourceNotFoundException", Missing), ("ValidationException", Unavailable)]
)
async def test_a_service_may_have_errors_of_its_own(code: str, raised: type[Exception]) -> None:
    http = FakeHttp(failure(400, code))

    with pytest.raises(raised):
        await Library(cast("HttpClient", http), None, "r", lambda: KEYS).call("Query", {})

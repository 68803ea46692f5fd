"""Calls operations of DynamoDB and SQS without an SDK, because importing one would slow a cold start."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from chalicelib.aws.http import HttpClient, NoAnswer, parse_endpoint
from chalicelib.aws.sigv4 import SignedRequests
from chalicelib.errors import Unavailable
from chalicelib.retry import (
    CONDITION_FAILED,
    ConditionFailed,
    RetryPolicy,
    TimeBudget,
    is_retryable_error,
    is_retryable_status,
)
from chalicelib.settings import Keys

RETRY = RetryPolicy(attempts=5, base_seconds=0.05, cap_seconds=1.0)

logger = logging.getLogger(__name__)


class JsonApi(msgspec.Struct, dict=True):
    """One service. ``endpoint`` is a URL, None for AWS's own; ``budget`` is the caller's time."""

    service: ClassVar[str]
    target: ClassVar[str]  # the prefix of an operation's name
    unavailable: ClassVar[str]  # the detail of Unavailable
    errors: ClassVar[Mapping[str, type[Exception]]] = {}  # by the service's code, instead of Unavailable
    http: HttpClient
    endpoint: str | None
    region: str
    credentials: Callable[[], Keys]
    budget: TimeBudget = msgspec.field(default_factory=TimeBudget)
    retry: RetryPolicy = RETRY

    def __post_init__(self) -> None:
        """Raise ValueError if the endpoint is not usable."""
        url = self.endpoint or f"https://{self.service}.{self.region}.amazonaws.com"
        self._endpoint = parse_endpoint(url)

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return an operation's answer. It may run more than once, so it must be idempotent.

        Raises ConditionFailed and ``errors``, or Unavailable if it refuses or does not answer in time.
        """
        target = f"{self.target}.{operation}"
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
        signing = self.service, self.region, self.credentials(), self.http.clock
        body = json.dumps(arguments).encode()
        requests = SignedRequests(*signing, "POST", self._endpoint, "/", body, headers)
        attempts, code = 0, ""
        while True:
            attempts += 1
            try:
                status, answer = await self.http.request(self._endpoint, requests.to())
            except NoAnswer as exc:
                reason, retryable = str(exc), True
            else:
                if status == 200:  # noqa: PLR2004 - there is no other success
                    found: dict[str, Any] = json.loads(answer)
                    return found
                code, reasons = _error(answer)
                if code == "ConditionalCheckFailedException" or CONDITION_FAILED in reasons:
                    raise ConditionFailed(*reasons)
                reason = f"{status} {code}"
                retryable = is_retryable_status(status) or is_retryable_error(code, reasons)
            delay = self.retry.next_delay(attempts, self.budget.left())
            if not retryable or delay is None:
                break
            await asyncio.sleep(delay)
        logger.warning("%s failed", self.service, extra={"operation": operation, "reason": reason})
        raise self.errors.get(code, Unavailable)(self.unavailable)


class DynamoApi(JsonApi):
    """Calls DynamoDB."""

    service = "dynamodb"
    target = "DynamoDB_20120810"
    unavailable = "The store did not answer in time. Send the request again in a moment."


class SqsApi(JsonApi):
    """Calls SQS."""

    service = "sqs"
    target = "AmazonSQS"
    unavailable = "The delivery queue did not answer in time."


def _error(answer: bytes) -> tuple[str, list[str]]:
    """Return the code of an error, and the codes of a transaction's CancellationReasons."""
    try:
        error = json.loads(answer)
        reasons = [reason["Code"] for reason in error.get("CancellationReasons", ())]
        return error["__type"].rpartition("#")[2], reasons
    except (ValueError, KeyError, TypeError, AttributeError):
        return "an error without a type", []

"""Decides which errors of botocore and PynamoDB are retryable."""

from typing import Any

from botocore import exceptions
from botocore.exceptions import ClientError

from chalicelib.retry import is_retryable_error, is_retryable_status

SDK_RETRIES_OFF: Any = {"mode": "standard", "total_max_attempts": 1}
"""For botocore's ``retries``. ``Backoff`` makes all attempts, so they share one time budget."""

NO_ANSWER = (exceptions.ConnectionError, exceptions.HTTPClientError)


def is_retryable(error: Exception) -> bool:
    """Return whether the same call may succeed later: no answer, a throttle, a conflict, a 5xx."""
    if isinstance(error, NO_ANSWER):
        return True
    response = _response(error)
    status: int = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return is_retryable_error(error_code(error), reason_codes(error)) or is_retryable_status(status)


def error_code(error: BaseException | None) -> str:
    """Return AWS's error code; empty if there was no answer."""
    code: str = _response(error).get("Error", {}).get("Code", "")
    return code


def reason_codes(error: BaseException | None) -> list[str]:
    """Return the codes of a transaction's CancellationReasons, one an item; "None" if it has no reason."""
    return [reason["Code"] for reason in _response(error).get("CancellationReasons", ())]


def _response(error: BaseException | None) -> dict[str, Any]:
    # PynamoDB raises its own ClientError from botocore's, without most of the answer.
    if isinstance(error, ClientError) and isinstance(error.__cause__, ClientError):
        error = error.__cause__
    return {**error.response} if isinstance(error, ClientError) else {}

"""What DynamoDB answers where it does not do what it is asked, to the letter of AWS's JSON protocol.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and the errors of
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

SINGLE_WRITES = frozenset({"DeleteItem", "PutItem", "UpdateItem"})
TRANSACTION = frozenset({"TransactWriteItems"})
WRITES = SINGLE_WRITES | TRANSACTION
BATCHES = frozenset({"BatchGetItem"})


class Fault(StrEnum):
    THROTTLED = auto()
    OVER_CAPACITY = auto()
    REQUEST_LIMIT = auto()
    BROKEN = auto()
    AWAY = auto()
    SILENT = auto()
    RESET = auto()
    ANSWER_LOST = auto()
    CONFLICT = auto()
    """Another transaction has one of the items."""
    REASON_THROTTLED = auto()
    REASON_OVER_CAPACITY = auto()
    """A transaction is cancelled with a throttle as the reason of one item."""
    UNDECIDED = auto()
    """It is done, and the answer says that it is in progress: what DynamoDB says to a second attempt."""
    UNPROCESSED = auto()
    """One key of a batch is left undone."""


APPLIES_TO = {
    Fault.CONFLICT: WRITES,
    Fault.REASON_THROTTLED: TRANSACTION,
    Fault.REASON_OVER_CAPACITY: TRANSACTION,
    Fault.UNDECIDED: TRANSACTION,
    Fault.UNPROCESSED: BATCHES,
}
"""Every other fault can happen to every operation."""

_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
_CAPACITY = (
    "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API."
)
_THROTTLED = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your "
    "table or index so please try again shortly."
)
_ONGOING = "Transaction is ongoing for the item"


@dataclass(frozen=True)
class Refusal:
    status: int
    body: dict[str, Any]


def _refusal(status: int, error: str, message: str, **more: Any) -> Refusal:
    return Refusal(status, {"__type": error, "message": message, **more})


REFUSALS = {
    Fault.THROTTLED: _refusal(400, "com.amazon.coral.availability#ThrottlingException", _THROTTLED),
    Fault.OVER_CAPACITY: _refusal(400, f"{_DYNAMODB}ProvisionedThroughputExceededException", _CAPACITY),
    Fault.REQUEST_LIMIT: _refusal(
        400,
        f"{_DYNAMODB}RequestLimitExceeded",
        "Throughput exceeds the current throughput limit for your account. Please contact AWS Support.",
    ),
    Fault.BROKEN: _refusal(500, f"{_DYNAMODB}InternalServerError", "The request processing has failed."),
    Fault.AWAY: _refusal(503, "com.amazon.coral.service#ServiceUnavailableException", ""),
}

IN_PROGRESS = _refusal(
    400,
    f"{_DYNAMODB}TransactionInProgressException",
    "The transaction with the given request token is already in progress.",
)

_REASONS = {
    Fault.CONFLICT: ("TransactionConflict", _ONGOING),
    Fault.REASON_THROTTLED: ("ThrottlingError", _THROTTLED),
    Fault.REASON_OVER_CAPACITY: ("ProvisionedThroughputExceeded", _CAPACITY),
}


def refusal_of(fault: Fault, operation: str, items: int, on: Collection[int]) -> Refusal | None:
    """Return how an operation on so many items is refused; None for a fault that is no refusal.

    ``on`` are the positions of those that are why a transaction is cancelled.
    """
    if fault in REFUSALS:
        return REFUSALS[fault]
    if fault not in _REASONS:
        return None
    code, message = _REASONS[fault]
    if operation not in TRANSACTION:
        return _refusal(400, f"{_DYNAMODB}TransactionConflictException", message)
    reasons = [{"Code": code, "Message": message} if n in on else {"Code": "None"} for n in range(items)]
    codes = ", ".join(reason["Code"] for reason in reasons)
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    body = {"__type": f"{_DYNAMODB}TransactionCanceledException", "Message": text}
    return Refusal(400, {**body, "CancellationReasons": reasons})

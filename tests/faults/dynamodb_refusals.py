"""What DynamoDB answers where it does not do what it is asked, with the codes of AWS's JSON protocol.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and the errors of
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from collections.abc import Collection
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

Refusal = tuple[int, dict[str, Any]]
"""A status and a body."""

_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"


def _refusal(status: int, error: str) -> Refusal:
    return status, {"__type": error, "message": "The double was told to refuse this."}


REFUSALS = {
    Fault.THROTTLED: _refusal(400, "com.amazon.coral.availability#ThrottlingException"),
    Fault.OVER_CAPACITY: _refusal(400, f"{_DYNAMODB}ProvisionedThroughputExceededException"),
    Fault.REQUEST_LIMIT: _refusal(400, f"{_DYNAMODB}RequestLimitExceeded"),
    Fault.BROKEN: _refusal(500, f"{_DYNAMODB}InternalServerError"),
    Fault.AWAY: _refusal(503, "com.amazon.coral.service#ServiceUnavailableException"),
}
IN_PROGRESS = _refusal(400, f"{_DYNAMODB}TransactionInProgressException")

_REASONS = {
    Fault.CONFLICT: "TransactionConflict",
    Fault.REASON_THROTTLED: "ThrottlingError",
    Fault.REASON_OVER_CAPACITY: "ProvisionedThroughputExceeded",
}


def refusal_of(fault: Fault, operation: str, items: int, on: Collection[int]) -> Refusal | None:
    """Return how an operation on so many items is refused; None for a fault that is no refusal.

    ``on`` are the positions of those that are why a transaction is cancelled.
    """
    if fault not in _REASONS:
        return REFUSALS.get(fault)
    if operation not in TRANSACTION:
        return _refusal(400, f"{_DYNAMODB}TransactionConflictException")
    codes = [_REASONS[fault] if n in on else "None" for n in range(items)]
    text = (
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    )
    body = {"__type": f"{_DYNAMODB}TransactionCanceledException", "Message": text}
    return 400, {**body, "CancellationReasons": [{"Code": code} for code in codes]}

"""Translation of what PynamoDB and botocore raise into our errors, once, here."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from chalicelib.errors import Unavailable

logger = logging.getLogger(__name__)

LOST_RACE = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
"""Reasons of a cancelled transaction that mean somebody else was first; the rest is load or a defect."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise Unavailable for whatever the engine could not do."""
    try:
        yield
    except (PynamoDBException, BotoCoreError, ClientError) as error:
        logger.warning("DynamoDB did not do what it was asked", exc_info=True)
        raise Unavailable("The store did not answer in time. Send the request again in a moment.") from error


def lost_race(error: TransactWriteError) -> bool:
    """Say whether a transaction was cancelled because another writer was first.

    One that is still in progress, or had no answer, is not: it may be committed. botocore has sent it again
    by then, four times in all and each time with the token that the first carried, so that DynamoDB makes it
    once. Made anew it would have another token, and could be made twice: only who asked can decide on that.
    """
    codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
    return bool(codes) and codes <= LOST_RACE


def condition_failed(error: PynamoDBException) -> bool:
    """Say whether a single write's condition did not hold."""
    return _code(error) == "ConditionalCheckFailedException"


def _code(error: PynamoDBException) -> str | None:
    """Return what DynamoDB called its refusal; None where there was no answer.

    ``cause_response_code`` of PynamoDB 6.1 raises AttributeError for a time-out: botocore's time-outs have a
    response, which is None.
    """
    if not isinstance(error.cause, ClientError):
        return None
    code: str | None = error.cause.response.get("Error", {}).get("Code")
    return code

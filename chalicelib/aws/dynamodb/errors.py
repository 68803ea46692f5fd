"""Translates the errors of PynamoDB and botocore into ours."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.sdk_errors import error_code
from chalicelib.errors import Unavailable
from chalicelib.idempotency import VersionConflict
from chalicelib.retry import CONDITION_FAILED, RETRYABLE_REASONS, ConditionFailed

logger = logging.getLogger(__name__)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise ConditionFailed if a write's condition does not hold, else Unavailable."""
    try:
        yield
    except (PynamoDBException, BotoCoreError, ClientError) as error:
        if isinstance(error, PynamoDBException) and condition_failed(error):
            raise ConditionFailed from error
        logger.warning("DynamoDB did not do what it was asked", exc_info=True)
        raise Unavailable("The store did not answer in time. Send the request again in a moment.") from error


def condition_failed(error: PynamoDBException) -> bool:
    """Return whether the condition of a write, or one condition of a transaction, did not hold."""
    return error_code(error.cause) == "ConditionalCheckFailedException" or CONDITION_FAILED in _reasons(error)


@contextmanager
def versioned(table: Table) -> Iterator[TransactWrite]:
    """Write a transaction at the block's end. Raises VersionConflict if another writer was first."""
    with translate_errors():
        try:
            with table.transaction(retry_conflicts=False) as write:
                yield write
        except TransactWriteError as error:
            if lost_race(error):
                raise VersionConflict from error
            raise


def lost_race(error: TransactWriteError) -> bool:
    """Return whether a transaction was cancelled because another writer was first, or is writing now.

    A transaction in progress, or without an answer, may still be committed. A new attempt would have another
    token and could make the change twice, so only the caller may decide on that.
    """
    reasons = _reasons(error)
    return CONDITION_FAILED in reasons or ("TransactionConflict" in reasons and reasons <= RETRYABLE_REASONS)


def _reasons(error: PynamoDBException) -> set[str]:
    if not isinstance(error, TransactWriteError):
        return set()
    return {reason.code for reason in error.cancellation_reasons if reason is not None}

"""How often both pollers look, and how they read which items of a batch failed."""

from collections.abc import Awaitable, Callable
from typing import Any

Sleep = Callable[[float], Awaitable[object]]

POLL_SECONDS = 0.1
"""The time between two looks at a stream or a queue. DynamoDB's own stream takes 213 ms."""

RETRY_SECONDS = 1.0
"""The time before the next look after one that failed."""


def reported(response: Any) -> set[str] | None:
    """Return the ids of the items that an answer reports as failed. None means that all of them failed.

    As on Lambda, an empty answer is a success, and an invalid answer is a failure of the whole batch.
    """
    try:
        return {str(failure["itemIdentifier"]) for failure in (response or {}).get("batchItemFailures") or ()}
    except (AttributeError, KeyError, TypeError):
        return None

"""What both pollers share: how often they look, and what an answer reports as failed."""

from collections.abc import Awaitable, Callable
from typing import Any

Sleep = Callable[[float], Awaitable[object]]

POLL_SECONDS = 0.1
"""Between two looks at a stream or a queue. DynamoDB's own stream takes 213 ms."""

RETRY_SECONDS = 1.0
"""Before the next look, after one that failed."""


def reported(response: Any) -> set[str] | None:
    """Return what a function's answer reports as failed; None if the answer can't be read.

    To Lambda no answer is success, and an unreadable one is a failure of the whole batch.
    """
    try:
        return {str(failure["itemIdentifier"]) for failure in (response or {}).get("batchItemFailures") or ()}
    except (AttributeError, KeyError, TypeError):
        return None

"""How the triggers wait, and how they go on after failures: nothing ends them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[object]]

POLL_SECONDS = 0.05
"""Between two looks at a stream or a queue that had nothing. DynamoDB's own stream takes 213 ms."""

RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 10.0


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row."""
    return min(RETRY_SECONDS * 2.0 ** min(failures, 16), MAX_RETRY_SECONDS)


async def persistently(
    attempt: Callable[[], Awaitable[T]], logger: logging.Logger, trouble: str, sleep: Sleep = asyncio.sleep
) -> T:
    """Return what an attempt returns, trying until one does; ``trouble`` is what the log says until then."""
    failures = 0
    while True:
        try:
            return await attempt()
        except Exception:
            logger.exception(trouble, extra={"failures": failures + 1})
        await sleep(backoff(failures))
        failures += 1

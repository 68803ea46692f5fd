"""What both pollers share: when they look again, how they retry, what counts as failed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[object]]

POLL_SECONDS = 0.1
"""Between two looks at a stream or a queue that had nothing. DynamoDB's own stream takes 213 ms."""

RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 10.0


def reported(response: Any) -> set[str] | None:
    """Return what a function's answer reports as failed; None if the answer can't be read.

    To Lambda no answer is success, and an unreadable one is a failure of the whole batch.
    """
    try:
        return {str(failure["itemIdentifier"]) for failure in (response or {}).get("batchItemFailures") or ()}
    except (AttributeError, KeyError, TypeError):
        return None


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row."""
    return min(RETRY_SECONDS * 2.0 ** min(failures, 16), MAX_RETRY_SECONDS)


class Nudge(asyncio.Event):
    """Ends the wait for the next look: a function has run, and may have written something."""

    async def wait_for(self, seconds: float) -> None:
        """Wait for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wait()
        self.clear()


async def persistently(
    attempt: Callable[[], Awaitable[T]], logger: logging.Logger, trouble: str, sleep: Sleep = asyncio.sleep
) -> T:
    """Try until an attempt returns, and return its value.

    ``trouble`` is logged if the second attempt fails too: by then a gateway whose engine died has ended.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except Exception:
            if failures:
                logger.exception(trouble, extra={"failures": failures + 1})
        await sleep(backoff(failures))
        failures += 1

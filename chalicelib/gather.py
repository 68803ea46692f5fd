"""Runs coroutines at the same time, and waits for all of them even if one fails."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


async def gather(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all coroutines to their end and return their results. Raises the error of the first that failed.

    Other errors are logged. ``asyncio.gather`` alone would raise at once, and the rest would run on into the
    function's next invocation, beside the retry of the same work.
    """
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for other in failures[1:]:
        logger.error("something else failed at the same time", exc_info=other)
    if failures:
        raise failures[0]
    return done

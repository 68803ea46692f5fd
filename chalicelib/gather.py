"""Does several things at the same time, none of which outlives the failure of another."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


async def gather(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all of it to its end and return what each returned. Raises what the first that failed raised.

    Other failures are logged. ``asyncio.gather`` alone raises at once and lets the rest run on: into the next
    invocation of the function, beside the same work come again.
    """
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for other in failures[1:]:
        logger.error("something else failed at the same time", exc_info=other)
    if failures:
        raise failures[0]
    return done

"""Several things done at the same time, none of which outlives the failure of another."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do all of it to its end, whatever becomes of the rest, and return what each returned.

    Raises what the first that failed raised; what others raised is logged. ``asyncio.gather`` alone raises at
    once and lets the rest run on: on a loop that lives as long as the execution environment, into the next
    invocation, beside the same work come again.
    """
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for also in failures[1:]:
        logger.error("something else failed at the same time", exc_info=also)
    if failures:
        raise failures[0]
    return done

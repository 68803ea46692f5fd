"""How often pollers look: less while nothing happens, at once after a nudge, less again after failures.

Leaves what they look at to ``poller`` and ``queue_poller``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """Waits, in seconds.

    Between two looks it is from ``quick``, after something has happened, up to ``idle``; after failures from
    ``retry`` up to ``retry_at_most``; between two looks for new shards ``discover``. Where look after
    look finds something, ``busy`` lets more gather: a batch costs hardly more than one record.
    """

    quick: float = 0.025
    idle: float = 0.2
    busy: float = 0.05
    retry: float = 0.25
    retry_at_most: float = 10.0
    discover: float = 10.0

    def backoff(self, failures: int) -> float:
        """Return the wait after so many failures in a row."""
        return min(self.retry * 2.0 ** min(failures, 16), self.retry_at_most)


class Nudges:
    """Word that there may be something new, for all who are looking at that moment."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    @property
    def next(self) -> asyncio.Event:
        """What the next nudge sets: taken before a look, it tells of one that came during it."""
        return self._next

    def nudge(self) -> None:
        """Say that there may be something new."""
        nudged, self._next = self._next, asyncio.Event()
        nudged.set()


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event and say whether it came in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def persistently(
    attempt: Callable[[], Awaitable[T]],
    pace: Pace,
    logger: logging.Logger,
    what: str,
    expected: tuple[type[Exception], ...] = (),
) -> T:
    """Return what an attempt returns, trying until one does.

    ``what`` names the trouble in the log; an ``expected`` one is logged without a trace.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except expected as error:
            logger.warning("%s: %s", what, error, extra={"failures": failures + 1})
        except Exception:
            logger.exception(what)
        await asyncio.sleep(pace.backoff(failures))
        failures += 1

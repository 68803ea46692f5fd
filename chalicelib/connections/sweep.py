"""Handles expired connection deadlines, once a minute.

A sweep reads only the minutes that have passed, so a connection without an expired deadline costs nothing.
The next sweep retries what failed.
"""

import asyncio
import logging
from collections import Counter

import msgspec

from chalicelib.connections.deadlines import minute_of
from chalicelib.connections.expired_deadlines import ClosedElsewhere, ExpiredDeadlines
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.ports import DeadlineStore, ExpiredDeadline
from chalicelib.errors import GameNightError
from chalicelib.gather import gather
from chalicelib.metrics import METRICS_LOGGER

OVERLAP_MINUTES = 3
"""Finished minutes to read again: a slow clock or a slow writer may have added deadlines to them."""

LOOK_BACK_MINUTES = minute_of(MAX_CONNECTION_SECONDS)
"""An older deadline belongs to a connection that has ended."""

CONCURRENCY = 32
"""Connections that are handled at the same time."""

logger = logging.getLogger(__name__)
metrics_log = logging.getLogger(METRICS_LOGGER)


class SweepReport(msgspec.Struct):
    """How many ``minutes`` a sweep read, and how many more than usual (``behind``).

    ``outcomes`` counts the outcomes of ``ExpiredDeadlines``, ``unfinished`` what is left for the next sweep.
    """

    minutes: int = 0
    behind: int = 0
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    unfinished: int = 0


class Sweep:
    """Finds expired deadlines, and passes them to ``ExpiredDeadlines``."""

    def __init__(self, deadlines: DeadlineStore, connections: ExpiredDeadlines, shards: int) -> None:
        self._deadlines = deadlines
        self._connections = connections
        self._shards = shards

    async def run(self, now: int, *, within: float) -> SweepReport:
        """Handle the deadlines that have expired at ``now``, in Unix seconds, for at most ``within`` seconds.

        Running it again, or twice at once, does no harm. Raises Unavailable if deadlines can't be read.
        """
        this = minute_of(now)
        done = await asyncio.to_thread(self._deadlines.swept_to)
        oldest = this - LOOK_BACK_MINUTES
        first = oldest if done is None else max(oldest, min(done + 1, this - 1) - OVERLAP_MINUTES)
        report = SweepReport(this - first + 1)
        report.behind = max(0, report.minutes - OVERLAP_MINUTES - 2) if done is not None else 0
        until = asyncio.get_running_loop().time() + within
        attempt = _Attempt(self._deadlines, self._connections, now, until, report)
        for minute in range(first, this + 1):
            await gather(attempt.shard(minute, shard) for shard in range(self._shards))
        if not report.unfinished:
            await asyncio.to_thread(self._deadlines.mark_swept, this - 1)  # this minute is not over
        _log(report)
        return report


class _Attempt(msgspec.Struct, frozen=True):
    """One run of the sweep, until a time of the loop's clock."""

    deadlines: DeadlineStore
    connections: ExpiredDeadlines
    now: int
    until: float
    report: SweepReport
    slots: asyncio.Semaphore = msgspec.field(default_factory=lambda: asyncio.Semaphore(CONCURRENCY))

    async def shard(self, minute: int, shard: int) -> None:
        after = None
        while self._has_time():
            page = await asyncio.to_thread(self.deadlines.page, minute, shard, self.now, after)
            await asyncio.gather(*(self._handle(expired) for expired in page.expired))
            if page.next_after is None:
                return
            after = page.next_after
        self.report.unfinished += 1

    def _has_time(self) -> bool:
        return asyncio.get_running_loop().time() < self.until

    async def _handle(self, expired: ExpiredDeadline) -> None:
        """Handle one deadline. A failure stops no other."""
        extra = {"connection_id": expired.connection_id}
        async with self.slots:
            if not self._has_time():
                self.report.unfinished += 1
                return
            try:
                outcomes = await self.connections.handle(expired, self.now)
            except ClosedElsewhere:
                self.report.unfinished += 1
            except GameNightError as error:
                self.report.unfinished += 1
                logger.warning("a deadline could not be handled", extra={**extra, "code": error.code})
            except Exception:
                self.report.unfinished += 1
                logger.exception("a deadline could not be handled", extra=extra)
            else:
                self.report.outcomes.update(outcomes)
                if outcomes:
                    logger.info("a connection's deadline has expired", extra={**extra, "outcomes": outcomes})


def _log(report: SweepReport) -> None:
    figures = {"behind": report.behind, "unfinished": report.unfinished}
    # Logged even if all is well: without this line the sweep did not run (docs/operations.md, sweep-behind).
    metrics = ["behind", *(["unfinished"] if report.unfinished else [])]
    metrics_log.info("a sweep ended", extra={**figures, "metrics": metrics})
    extra = {**figures, "minutes": report.minutes, "outcomes": dict(report.outcomes)}
    if report.unfinished:
        logger.warning("the sweep is not finished; the next one goes on", extra=extra)
    elif report.outcomes or report.behind:
        logger.info("swept", extra=extra)
    else:
        logger.debug("no deadline has expired", extra=extra)

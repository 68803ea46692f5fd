"""The sweep: whatever is due in the life of connections, done once a minute.

It reads the minutes that are due and nothing else, so that a connection that nothing is due of costs nothing.
What it could not do, the next sweep does. Leaves what becomes of a connection to ``due``.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from chalicelib.connections.deadlines import minute_of
from chalicelib.connections.expired_deadlines import DueConnections, SomebodyElseCloses
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.ports import DeadlineStore, Reached
from chalicelib.errors import GameNightError
from chalicelib.gather import together
from chalicelib.metrics import METRICS_LOGGER

OVERLAP_MINUTES = 3
"""Minutes that are looked at again though they are done: what was put by a clock that is slow, or by a
writer that was, is in one of them."""

LOOK_BACK_MINUTES = minute_of(MAX_CONNECTION_SECONDS)
"""A deadline that is older belongs to a connection that is over."""

IN_HAND = 32
"""Connections that are taken care of at the same time."""

logger = logging.getLogger(__name__)
metrics_log = logging.getLogger(METRICS_LOGGER)


@dataclass(slots=True)
class SweepReport:
    """What a sweep did, by ``due``'s names for it.

    ``minutes`` were looked at, ``behind`` more than there usually are. ``unfinished`` is what is left for the
    next one.
    """

    minutes: int = 0
    behind: int = 0
    did: Counter[str] = field(default_factory=Counter)
    unfinished: int = 0


class Sweep:
    """Finds what is due, and has it done."""

    def __init__(self, deadlines: DeadlineStore, connections: DueConnections, shards: int) -> None:
        self._deadlines = deadlines
        self._connections = connections
        self._shards = shards

    async def run(self, now: int, *, within: float) -> SweepReport:
        """Do what is due at ``now``, in Unix seconds, for at most ``within`` seconds.

        Running it twice at once, or again, does no harm. Raises Unavailable where it can't be found out what
        is due.
        """
        this = minute_of(now)
        done = await asyncio.to_thread(self._deadlines.swept_to)
        oldest = this - LOOK_BACK_MINUTES
        first = oldest if done is None else max(oldest, min(done + 1, this - 1) - OVERLAP_MINUTES)
        report = SweepReport(this - first + 1)
        report.behind = max(0, report.minutes - OVERLAP_MINUTES - 2) if done is not None else 0
        turn = _Turn(self._connections, now, asyncio.get_running_loop().time() + within, report)
        for minute in range(first, this + 1):
            await together(self._shard(minute, shard, turn) for shard in range(self._shards))
        if not report.unfinished:
            await asyncio.to_thread(self._deadlines.mark_swept, this - 1)  # this minute is not over
        _log(report)
        return report

    async def _shard(self, minute: int, shard: int, turn: "_Turn") -> None:
        async for page in self._pages(minute, shard, turn):
            await asyncio.gather(*(turn.settle(reached) for reached in page))

    async def _pages(self, minute: int, shard: int, turn: "_Turn") -> AsyncIterator[Sequence[Reached]]:
        after = None
        while turn.has_time():
            page = await asyncio.to_thread(self._deadlines.page, minute, shard, turn.now, after)
            yield page.reached
            if page.next_after is None:
                return
            after = page.next_after
        turn.report.unfinished += 1


class _Turn:
    """One run: its time, and how it goes."""

    def __init__(self, connections: DueConnections, now: int, until: float, report: SweepReport) -> None:
        self.now = now
        self.report = report
        self._connections = connections
        self._until = until
        self._hands = asyncio.Semaphore(IN_HAND)

    def has_time(self) -> bool:
        return asyncio.get_running_loop().time() < self._until

    async def settle(self, reached: Reached) -> None:
        """Settle one connection. One that can't be settled stops no other."""
        async with self._hands:
            if not self.has_time():
                self.report.unfinished += 1
                return
            try:
                did = await self._connections.settle(reached, self.now)
                self.report.did.update(did)
                if did:
                    logger.info(
                        "a connection's deadline was reached",
                        extra={"connection_id": reached.connection_id, "did": did},
                    )
            except SomebodyElseCloses:
                self.report.unfinished += 1
            except GameNightError as error:
                self.report.unfinished += 1
                logger.warning(
                    "a connection could not be taken care of",
                    extra={"connection_id": reached.connection_id, "code": error.code},
                )
            except Exception:
                self.report.unfinished += 1
                logger.exception(
                    "a connection could not be taken care of", extra={"connection_id": reached.connection_id}
                )


def _log(report: SweepReport) -> None:
    figures = {
        **{f"did_{what}": count for what, count in report.did.items()},
        "minutes": report.minutes,
        "behind": report.behind,
        "unfinished": report.unfinished,
    }
    # Even if all is well: a sweep of which nothing is heard is none (docs/operations.md, sweep-behind).
    counted = ["behind", *(["unfinished"] if report.unfinished else [])]
    metrics_log.info(
        "a sweep ended",
        extra={"behind": report.behind, "unfinished": report.unfinished, "metrics": counted},
    )
    if report.unfinished:
        logger.warning("the sweep is not finished; the next one goes on", extra=figures)
    elif report.did or report.behind:
        logger.info("swept", extra=figures)
    else:
        logger.debug("nothing was due", extra=figures)

"""Connections that lag, brought up to date: a job replays to one what it has missed, in order.

Leaves noting who lags to ``laggards`` and posting to ``push``.
"""

import asyncio
import logging
import random as random_module
from collections.abc import Callable

from chalicelib.connections.connection import ALL_AUDIENCE, Lag, Recipient
from chalicelib.connections.messages import message_of, only, place_of
from chalicelib.connections.ports import ConnectionStore, Push
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.delivery.ports import LagStore
from chalicelib.nights.events import Event
from chalicelib.nights.ports import EventLog

ATTEMPTS = 16
"""How often a job is tried, as the queue's redrive policy says (infra/stack.yaml)."""

BACKOFF_CAP_SECONDS = 120
REPLAY_PAGE = 50
DELIVERY_LOG = DeliveryLog()

logger = logging.getLogger(__name__)


def backoff(attempt: int, random: Callable[[], float]) -> int:
    """Return the whole seconds, with full jitter, after which an attempt is followed by the next."""
    return 1 + int(random() * min(BACKOFF_CAP_SECONDS, 2.0**attempt))


class CatchUp:
    """Does catch-up jobs. ``random`` gives 0 <= x < 1."""

    def __init__(  # noqa: PLR0913 - every one has a default that fits but the first four
        self,
        lags: LagStore,
        log: EventLog,
        connections: ConnectionStore,
        push: Push,
        *,
        random: Callable[[], float] = random_module.random,
        posts_log: DeliveryLog = DELIVERY_LOG,
    ) -> None:
        self._lags = lags
        self._log = log
        self._connections = connections
        self._push = push
        self._random = random
        self._posts_log = posts_log

    async def run(self, job: CatchUpJob, attempt: int, *, within: float) -> int | None:
        """Replay what a connection has missed.

        Returns None when it has all, or is gone; else the seconds after which the job is to come again.
        Raises Unavailable.
        """
        deadline = asyncio.get_running_loop().time() + within
        while (recipient := await self._lagging(job)) is not None:
            if attempt < ATTEMPTS and await self._start_is_coming(job):
                return backoff(attempt, self._random)
            lag = recipient.lag or Lag(0, 0)
            events = await self._missed(job, lag)
            if not events:
                logger.error("a connection lags behind events that the log does not have", extra=_named(job))
                return await self._again(job, attempt)
            for event in events:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    return 0
                report = await self._push.broadcast(message_of(event), only(recipient), within=left)
                self._posts_log.caught_up(event, job.connection_id, report)
                if report.gone:
                    await asyncio.to_thread(self._connections.remove, job.connection_id)
                    return None
                if report.lapsed:
                    break  # the token was renewed since the row was read, or has expired: the row tells
                if report.owed:
                    return await self._again(job, attempt)
                # What else is refused stays so: the events behind it are worth more than another attempt.
                if not await self._had(job, lag, place_of(event)):
                    break
        return None

    async def _lagging(self, job: CatchUpJob) -> Recipient | None:
        recipient = await asyncio.to_thread(self._lags.recipient, job.audience, job.connection_id)
        return recipient if recipient is not None and recipient.lag is not None else None

    async def _start_is_coming(self, job: CatchUpJob) -> bool:
        """Say whether another job is about to replay the start of the session, which comes first."""
        if job.audience == ALL_AUDIENCE:
            return False
        row = await asyncio.to_thread(self._lags.recipient, ALL_AUDIENCE, job.connection_id)
        lag = None if row is None else row.lag
        return lag is not None and not lag.parked and lag.first <= job.session_id <= lag.last

    async def _had(self, job: CatchUpJob, lag: Lag, place: int) -> bool:
        """Save the place after each post, so that whoever takes over repeats one at most.

        False where the lag is not as it was read any more, and has to be read again.
        """
        if place == lag.last and await asyncio.to_thread(
            self._lags.caught_up, job.audience, job.connection_id, place
        ):
            logger.info("a connection has caught up", extra={**_named(job), "last": place})
            return True
        return await asyncio.to_thread(self._lags.advance, job.audience, job.connection_id, place)

    async def _missed(self, job: CatchUpJob, lag: Lag) -> list[Event]:
        """Return what follows without a hole, at most a page of it."""
        limit = min(lag.last - lag.first + 1, REPLAY_PAGE)
        if job.audience == ALL_AUDIENCE:
            found = await asyncio.to_thread(self._log.starts, lag.first - 1, limit)
        else:
            found = await asyncio.to_thread(self._log.events, job.session_id, lag.first - 1, limit)
        return [event for place, event in enumerate(found, lag.first) if place_of(event) == place]

    async def _again(self, job: CatchUpJob, attempt: int) -> int:
        if attempt >= ATTEMPTS:
            logger.error(
                "a connection could not be caught up with; the job goes to the dead-letter queue, and the "
                "next event of the stream tries again",
                extra={**_named(job), "attempt": attempt},
            )
            await asyncio.to_thread(self._lags.park, job.audience, job.connection_id)
            return 0
        return backoff(attempt, self._random)


def _named(job: CatchUpJob) -> dict[str, object]:
    return {"audience": job.audience, "connection_id": job.connection_id, "place": job.place}

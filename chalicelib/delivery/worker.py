"""Does the jobs of the delivery queue, and puts failed ones back on it."""

import asyncio
import logging
import random as random_module
from collections.abc import Callable, Sequence

from chalicelib.delivery.catch_up import CatchUp, backoff
from chalicelib.delivery.fan_out import ShardDelivery
from chalicelib.delivery.jobs import CatchUpJob, FanOutJob, Received
from chalicelib.delivery.ports import JobQueue
from chalicelib.errors import GameNightError
from chalicelib.metrics import METRICS_LOGGER

logger = logging.getLogger(__name__)
metrics_log = logging.getLogger(METRICS_LOGGER)


class Worker:
    """Does jobs. ``catch_up`` is called for each ``CatchUpJob``. ``random`` gives 0 <= x < 1."""

    def __init__(
        self,
        queue: JobQueue,
        shards: ShardDelivery,
        catch_up: Callable[[], CatchUp],
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._queue = queue
        self._shards = shards
        self._catch_up = catch_up
        self._random = random

    async def work(self, received: Sequence[Received], *, within: float) -> list[str]:
        """Do jobs in order and return the ids of those to retry. ``within`` is in seconds.

        No job is begun after one to retry: it may be of the same group.
        """
        deadline = asyncio.get_running_loop().time() + within
        for position, one in enumerate(received):
            seconds = await self._do(one, deadline)
            if seconds is not None:
                again = received[position:]
                metrics_log.info(
                    "jobs have to come again", extra={"unfinished": len(again), "metrics": ["unfinished"]}
                )
                for waiting in again:
                    await self._delay(waiting, seconds)
                return [waiting.id for waiting in again]
        return []

    async def _do(self, one: Received, deadline: float) -> int | None:
        """Return None when a job is done, else the seconds after which to retry it."""
        try:
            match one.job:
                case FanOutJob():
                    return None if await self._shards.run(one.job, deadline) else 0
                case CatchUpJob():
                    return await self._catch_up().work(one.job, one.attempt, deadline)
        except GameNightError as error:
            extra = {"job": one.id, "code": error.code, "detail": error.detail}
            logger.warning("a job has to be tried again", extra=extra)
            return backoff(one.attempt, self._random)
        return 0  # it is unreadable: retries without delay take it to the dead-letter queue

    async def _delay(self, one: Received, seconds: int) -> None:
        try:
            await self._queue.delay(one, seconds)
        except GameNightError:  # the queue hands it out again after its visibility timeout
            logger.warning("a job comes later than it could", extra={"job": one.id})

"""The worker of the queue: each job to who knows how to do it, and what has to come again back to the queue.

Jobs of one group go one after the other, and none after one that failed; groups go at the same time.
"""

import asyncio
import logging
import random as random_module
from collections.abc import Callable, Sequence

from chalicelib.delivery.catch_up import ATTEMPTS, CatchUp, backoff
from chalicelib.delivery.hold import held
from chalicelib.delivery.jobs import CatchUpJob, Received, ShardJob
from chalicelib.delivery.ports import JobQueue
from chalicelib.delivery.shard_delivery import ShardDelivery
from chalicelib.errors import GameNightError
from chalicelib.gather import together
from chalicelib.metrics import METRICS_LOGGER

logger = logging.getLogger(__name__)
metrics_log = logging.getLogger(METRICS_LOGGER)


class Jobs:
    """Does jobs. ``catch_up`` is asked for when there is somebody to catch up with.

    ``random`` gives 0 <= x < 1.
    """

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
        """Do the jobs and return the ids of those that have to come again. ``within`` is in seconds."""
        groups: dict[str, list[Received]] = {}
        for one in received:
            groups.setdefault(one.group, []).append(one)
        unfinished = await together(self._in_order(group, within) for group in groups.values())
        again = [one.id for ones in unfinished for one in ones]
        if again:
            metrics_log.info(
                "jobs have to come again", extra={"unfinished": len(again), "metrics": ["unfinished"]}
            )
        return again

    async def _in_order(self, group: Sequence[Received], within: float) -> Sequence[Received]:
        deadline = asyncio.get_running_loop().time() + within
        for position, one in enumerate(group):
            left = deadline - asyncio.get_running_loop().time()
            seconds = await self._do(one, left) if left > 0 else 0
            if seconds is not None:
                await asyncio.gather(*(self._delay(waiting, seconds) for waiting in group[position:]))
                return group[position:]
        return ()

    async def _do(self, one: Received, within: float) -> int | None:
        """Return None when a job is done, else the seconds after which it is to come again."""
        if one.job is None:
            return 0  # nobody can read it: to the dead-letter queue, without keeping others waiting
        try:
            async with held(self._queue, one):
                match one.job:
                    case ShardJob():
                        return await self._deliver(one.job, one.attempt, within)
                    case CatchUpJob():
                        catch_up = await asyncio.to_thread(self._catch_up)
                        return await catch_up.run(one.job, one.attempt, within=within)
        except GameNightError as error:
            logger.warning(
                "a job has to be tried again",
                extra={"job": one.id, "group": one.group, "code": error.code, "detail": error.detail},
            )
            return backoff(one.attempt, self._random)

    async def _deliver(self, job: ShardJob, attempt: int, within: float) -> int | None:
        if job.follows_start and attempt < ATTEMPTS and not await self._shards.started(job):
            return backoff(attempt, self._random)
        return None if await self._shards.run(job, within=within) else 0

    async def _delay(self, one: Received, seconds: int) -> None:
        try:
            await self._queue.delay(one, seconds)
        except GameNightError:  # it comes when the queue's own time is over
            logger.warning("a job comes later than it could", extra={"job": one.id})

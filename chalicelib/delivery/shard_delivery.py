"""One event to one shard of a large audience, by a worker that may die at any point.

Leaves the way through the shard to ``shard_walk``, posting to ``push`` and those who are not reached to
``laggards``.
"""

import asyncio
from dataclasses import dataclass, field

from chalicelib.connections.messages import message_of
from chalicelib.connections.ports import Push
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.jobs import Progress, ShardJob
from chalicelib.delivery.seldom import settle
from chalicelib.delivery.shard_walk import Ground, ShardWalk

DRAIN_SECONDS = 15.0
"""What is kept of the function's time for posts that wait for another attempt."""


@dataclass(frozen=True, slots=True)
class ShardDelivery:
    """Delivers shard jobs."""

    ground: Ground
    push: Push
    log: DeliveryLog = field(default_factory=DeliveryLog)

    async def run(self, job: ShardJob, *, within: float) -> bool:
        """Deliver what is left of a job; False where it has to go on in another run.

        Raises Unavailable: then it has to come again, and begins at the place that was saved last.
        """
        saved = await self.ground.progress.progress(job.name)
        if saved.done:
            return True
        deadline = asyncio.get_running_loop().time() + within
        stop_at = deadline - min(DRAIN_SECONDS, within / 2)
        walk = ShardWalk(self.ground, job, saved, stop_at)
        try:
            while walk.goes_on:
                await self._round(job, walk, deadline)
            await walk.saved()
        finally:
            walk.abandon()
        place = Progress(done=True) if walk.ended else walk.place()
        await self.ground.progress.save(job.name, place)
        return walk.ended

    async def started(self, job: ShardJob) -> bool:
        """Say whether the start of the job's session has been delivered to the same shard."""
        return (await self.ground.progress.progress(job.start_name)).done

    async def _round(self, job: ShardJob, walk: ShardWalk, deadline: float) -> None:
        within = max(deadline - asyncio.get_running_loop().time(), 0.0)
        witness = self.log.begin(job.event)
        report = await self.push.broadcast(
            message_of(job.event), walk.steps(), within=within, settled=witness.settled(walk.settle)
        )
        await settle(self.ground.seldom, job.event, report)
        for recipient in (*(failure.recipient for failure in report.owed), *report.lapsed):
            walk.settle(recipient)
        witness.posted(report, shard=job.shard)

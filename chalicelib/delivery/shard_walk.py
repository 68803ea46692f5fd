"""A walk through one shard of an audience, step by step, with a saved place that leaves out nobody.

The place is how far the walk has come and who before that is still open. It is safe before the next step
begins, and saved again for each step's worth of late answers, so that of a dead worker's posts no more than
one step's are repeated. Leaves posting to whoever takes the steps.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import audience_of
from chalicelib.delivery.jobs import Progress, ShardJob
from chalicelib.delivery.ports import AudiencePage, Audiences, ProgressStore
from chalicelib.delivery.seldom import OnDemand

STEP = 64
"""Recipients of one step, as many as ``push`` has in flight."""

PATIENCE = 0.1
"""Seconds in which nobody is settled, after which whoever is left of a step is slow: they stay open, and the
next step begins. API Gateway answers a post in some 10 ms."""

MOST_OPEN = 1000
"""Recipients that may be open at once, 17 KB in the saved place; with more, no step is taken."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a walk goes over."""

    audiences: Audiences
    progress: ProgressStore
    seldom: OnDemand


class ShardWalk:
    """The walk of one run of a job. ``stop_at`` is in ``loop.time()`` seconds: no step begins after it."""

    def __init__(self, ground: Ground, job: ShardJob, saved: Progress, stop_at: float) -> None:
        self._ground = ground
        self._job = job
        self._audience = audience_of(job.event)
        self._stop_at = stop_at
        self._after = saved.after
        self._open = dict.fromkeys(saved.open)
        self._reopening = list(saved.open)
        self._page: Sequence[Recipient] = ()
        self._reading: asyncio.Task[AudiencePage] | None = self._read(saved.after)
        self._step: set[str] = set()  # whoever of the step is not settled
        self._step_settled = asyncio.Event()
        self._safe = saved
        self._settled_since = 0
        self._saving: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether everyone has been handed out."""
        return not self._reopening and not self._page and self._reading is None

    @property
    def goes_on(self) -> bool:
        """Whether there is somebody left, and time."""
        return not self.ended and asyncio.get_running_loop().time() < self._stop_at

    async def steps(self) -> AsyncIterator[Sequence[Recipient]]:
        """Hand out who is next. Raises Unavailable.

        Ends when the shard or the time does, or when too many are open; then it can be called again.
        """
        while self.goes_on and (self._reopening or len(self._open) < MOST_OPEN):
            step = await self._ready(await self._reopen() if self._reopening else await self._next())
            if step:
                self._step = {recipient.connection_id for recipient in step}
                self._step_settled.clear()
                yield step
                if not self.ended:  # else that all is done is saved next
                    await self._settled()
                    await self.saved()
                    await self._save()

    def settle(self, recipient: Recipient) -> None:
        """Note that a recipient needs nothing more."""
        self._open.pop(recipient.connection_id, None)
        self._step.discard(recipient.connection_id)
        if not self._step:
            self._step_settled.set()
        self._settled_since += 1
        if self._settled_since >= STEP and not self._is_saving:
            self._saving = asyncio.create_task(self._save())

    @property
    def _is_saving(self) -> bool:
        """Also where saving has failed, until somebody waits for it and is told."""
        task = self._saving
        return task is not None and (not task.done() or task.cancelled() or task.exception() is not None)

    async def saved(self) -> None:
        """Wait until no place is being saved. Raises Unavailable."""
        if self._saving is not None:
            await self._saving
            self._saving = None

    def place(self) -> Progress:
        """Return what is saved of the walk at this moment."""
        return Progress(self._after, tuple(self._open))

    def abandon(self) -> None:
        """Read and save no further."""
        for task in (self._reading, self._saving):
            if task is not None:
                task.cancel()

    async def _save(self) -> None:
        place = self.place()
        self._settled_since = 0
        if place != self._safe:
            await self._ground.progress.save(self._job.name, place)
            self._safe = place

    async def _reopen(self) -> Sequence[Recipient]:
        """Return the next of those whom an earlier run left open, as far as they are still there."""
        ids, self._reopening = self._reopening[:STEP], self._reopening[STEP:]
        lags = (await asyncio.to_thread(self._ground.seldom)).lags
        found = await asyncio.gather(*(asyncio.to_thread(lags.recipient, self._audience, one) for one in ids))
        for connection_id, recipient in zip(ids, found, strict=True):
            if recipient is None:
                del self._open[connection_id]
        return [recipient for recipient in found if recipient is not None]

    async def _next(self) -> Sequence[Recipient]:
        if not self._page and self._reading is not None:
            page = await self._reading
            self._page = page.recipients
            # The next page is read while this one is posted.
            self._reading = None if page.next_after is None else self._read(page.next_after)
        step, self._page = self._page[:STEP], self._page[STEP:]
        return step

    async def _ready(self, step: Sequence[Recipient]) -> Sequence[Recipient]:
        """Return those of a step that are to be posted to; the step is a part of the place from now on."""
        lagging = [recipient for recipient in step if recipient.lag is not None]
        ready = step
        if lagging:
            ready = [recipient for recipient in step if recipient.lag is None]
            seldom = await asyncio.to_thread(self._ground.seldom)
            ready += await seldom.laggards.wait(self._job.event, lagging)
            for recipient in lagging:
                self.settle(recipient)
        self._open.update(dict.fromkeys(recipient.connection_id for recipient in ready))
        if step:
            self._after = max(self._after or "", step[-1].connection_id)
        return ready

    def _read(self, after: str | None) -> "asyncio.Task[AudiencePage]":
        return asyncio.create_task(self._ground.audiences.page(self._audience, self._job.shard, after))

    async def _settled(self) -> None:
        """Wait until the step is settled, or until those who are left of it are slow."""
        left = None
        while self._step and len(self._step) != left:
            left = len(self._step)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._step_settled.wait()

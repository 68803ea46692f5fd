"""Handles failed posts: removes connections that are gone, and marks others as behind.

If a post did not reach a connection, the connection is behind from that event on. It gets nothing more until
``catch_up`` has replayed the missed events. So its events stay in order, and no other connection waits for
it.
"""

import asyncio
from collections.abc import Callable, Sequence

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import Outcome
from chalicelib.delivery.delivery_log import fell_behind
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.delivery.ports import Audiences, JobQueue
from chalicelib.gather import gather
from chalicelib.nights.events import Event

CONCURRENCY = 100
"""Rows that are written at the same time."""


class Failures:
    """Records which connections are behind. ``remove`` removes a connection (see ``connections.removal``)."""

    def __init__(self, audiences: Audiences, jobs: JobQueue, remove: Callable[[str], None]) -> None:
        self._audiences = audiences
        self._jobs = jobs
        self._remove = remove

    async def handle(self, event: Event, outcome: Outcome) -> None:
        """Remove connections that are gone, and mark those not reached as behind. Raises Unavailable.

        An expired token may have been renewed since its row was read. Then the recipient falls behind.
        """
        await self.remove(outcome.gone)
        unreached = [failure.recipient for failure in outcome.failed] + outcome.expired
        await self.fall_behind(event, unreached, event.sequence)

    async def fall_behind(self, event: Event, recipients: Sequence[Recipient], first: int) -> None:
        """Mark live recipients as behind from event ``first`` on, and send the jobs that catch them up.

        The row is written before the job is sent. After an interruption in between, the event is retried, and
        ``note`` sends the job. Raises Unavailable.
        """
        for start in range(0, len(recipients), CONCURRENCY):
            some = recipients[start : start + CONCURRENCY]
            jobs = await gather(self._fall_behind(event, one, max(first, one.position + 1)) for one in some)
            await self._send(event, [job for job in jobs if job is not None])

    async def note(self, event: Event, recipients: Sequence[Recipient]) -> list[Recipient]:
        """Note an event as missed on recipients that are behind. Raises Unavailable.

        Returns the recipients that have become live since they were read and lack the event.
        """
        noted = await gather(self._note(event, one) for one in recipients)
        await self._send(event, [one for one in noted if isinstance(one, CatchUpJob)])
        return [one for one in noted if isinstance(one, Recipient)]

    async def remove(self, gone: Sequence[Recipient]) -> None:
        """Remove every trace of connections. If that fails, a later post finds the connection gone again."""
        await gather(asyncio.to_thread(self._remove, one.connection_id) for one in gone)

    async def _fall_behind(self, event: Event, recipient: Recipient, behind: int) -> CatchUpJob | None:
        stream, connection_id = event.stream, recipient.connection_id
        if await self._audiences.fall_behind(stream, connection_id, behind, event.sequence):
            return CatchUpJob(stream, connection_id, behind)
        now = await self._audiences.recipient(stream, connection_id)
        if now is None or now.behind is None:
            return None
        # Behind already, perhaps because this write succeeded and its answer was lost.
        return CatchUpJob(stream, connection_id, now.behind)

    async def _note(self, event: Event, recipient: Recipient) -> Recipient | CatchUpJob | None:
        """Return the job for a recipient that missed an event, the recipient if it is live, else None."""
        stream, connection_id = event.stream, recipient.connection_id
        if not await self._audiences.note_missed(stream, connection_id, event.sequence):
            now = await self._audiences.recipient(stream, connection_id)
            if now is None:
                return None
            if now.behind is None:
                return now if now.position < event.sequence else None
            recipient = now
        if recipient.behind is None or recipient.behind > event.sequence:
            return None
        return CatchUpJob(stream, connection_id, recipient.behind)

    async def _send(self, event: Event, jobs: Sequence[CatchUpJob]) -> None:
        if jobs:
            await self._jobs.send(jobs)
            fell_behind(event, jobs)

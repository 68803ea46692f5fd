"""Catches up connections that are behind: replays the events that they missed from the log, in order.

It serves resumes, failed posts, workers that died, and redeliveries. A connection that can't be caught up is
closed, and its client reconnects. No connection gets events with a gap.
"""

import asyncio
import logging
import random as random_module
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import message_of
from chalicelib.connections.ports import CATCH_UP_SECONDS, Push
from chalicelib.delivery.delivery_log import DeliveryLog
from chalicelib.delivery.failures import Failures
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.delivery.ports import Audiences, JobQueue
from chalicelib.nights.events import Event
from chalicelib.nights.streams import Streams

ATTEMPTS = 10
"""After so many attempts a job closes its connection. The queue allows more (infra/deploy/stack.yaml)."""

BACKOFF_CAP_SECONDS = 120
PAGE_SIZE = 50
"""Events in one read. At most so many are repeated after a function dies."""

logger = logging.getLogger(__name__)


def backoff(attempt: int, random: Callable[[], float]) -> int:
    """Return the whole seconds to wait after an attempt, with full jitter."""
    return 1 + int(random() * min(BACKOFF_CAP_SECONDS, 2.0**attempt))


class CaughtUp(Enum):
    """How catching up ended."""

    LIVE = auto()
    GONE = auto()
    """The connection left, or its token has expired."""
    TAKEN = auto()
    """The function that answers the client is catching it up."""
    FAILED = auto()
    """A post failed, or the log does not show the next event yet."""
    OUT_OF_TIME = auto()


class CatchUp:
    """Replays events to connections. ``random`` gives 0 <= x < 1, ``now`` Unix seconds."""

    def __init__(  # noqa: PLR0913 - it ties that much together
        self,
        audiences: Audiences,
        streams: Streams,
        push: Push,
        failures: Failures,
        jobs: JobQueue,
        *,
        log: DeliveryLog,
        random: Callable[[], float] = random_module.random,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._audiences = audiences
        self._streams = streams
        self._push = push
        self._failures = failures
        self._jobs = jobs
        self._log = log
        self._random = random
        self._now = now

    async def work(self, job: CatchUpJob, attempt: int, deadline: float) -> int | None:
        """Do a job. Return None when it is done, else the seconds after which to retry it.

        ``deadline`` is in ``loop.time()`` seconds. Raises Unavailable.
        """
        match await self.run(job.stream, job.connection_id, deadline):
            case CaughtUp.TAKEN:
                return CATCH_UP_SECONDS
            case CaughtUp.OUT_OF_TIME:
                return 0
            case CaughtUp.FAILED if attempt < ATTEMPTS or not await self._closed(job):
                return backoff(attempt, self._random)
        return None

    async def resume(self, stream: str, connection_id: str, deadline: float, until: int) -> CaughtUp:
        """Catch up a client after its frame is answered (see ``run``). A job does what is left."""
        ended = await self.run(stream, connection_id, deadline, until)
        if ended in {CaughtUp.FAILED, CaughtUp.OUT_OF_TIME}:
            recipient = await self._audiences.recipient(stream, connection_id)
            if recipient is not None and recipient.behind is not None:
                await self._jobs.send([CatchUpJob(stream, connection_id, recipient.behind)])
        return ended

    async def run(self, stream: str, connection_id: str, deadline: float, until: int = 0) -> CaughtUp:
        """Replay the events that a connection has missed until it is live. Raises Unavailable.

        ``until`` is the ``catching_up_until`` that the caller has set, if the caller is answering the client.
        """
        while True:
            recipient = await self._audiences.recipient(stream, connection_id)
            if recipient is None:
                return CaughtUp.GONE
            if recipient.behind is None:
                return CaughtUp.LIVE
            if until != recipient.catching_up_until > self._now():
                return CaughtUp.TAKEN
            ended = await self._replay_page(stream, recipient, recipient.behind, deadline)
            if ended is not None:
                return ended

    async def _replay_page(
        self, stream: str, recipient: Recipient, behind: int, deadline: float
    ) -> CaughtUp | None:
        """Replay a page of missed events; return how catching up ended, None if there is more."""
        events, end = await self._missed(stream, behind)
        position, ended = await self._post(recipient, events, behind - 1, deadline)
        if not events and max(recipient.missed, end) >= behind:
            logger.error(
                "an event that a connection missed is not in the log", extra=_fields(stream, recipient)
            )
            ended = CaughtUp.FAILED
        if ended is CaughtUp.GONE:
            return ended
        connection_id = recipient.connection_id
        complete = ended is None and position >= end
        if complete and await self._audiences.become_live(stream, connection_id, behind, position):
            logger.info("a connection is caught up", extra=_fields(stream, recipient) | {"to": position})
            return CaughtUp.LIVE
        if ended is not None or position >= behind:
            await self._audiences.advance(stream, connection_id, behind, position + 1)
        return ended

    async def _post(
        self, recipient: Recipient, events: Sequence[Event], position: int, deadline: float
    ) -> tuple[int, CaughtUp | None]:
        """Post events one after the other; return the position reached, and why posting stopped early."""
        for event in events:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return position, CaughtUp.OUT_OF_TIME
            outcome = await self._push.send(message_of(event), [recipient], within=left)
            self._log.caught_up(event, recipient.connection_id, outcome)
            if outcome.gone:
                await self._failures.remove(outcome.gone)
                return position, CaughtUp.GONE
            if outcome.failed:
                return position, CaughtUp.FAILED
            if outcome.expired:
                break  # reading the row again shows whether the token was renewed
            position = event.sequence
        return position, None

    async def _missed(self, stream: str, behind: int) -> tuple[Sequence[Event], int]:
        """Return a page of the events from ``behind`` on, which may be short, and the end of the stream."""
        found = await asyncio.to_thread(self._streams.named, stream)
        return await asyncio.to_thread(found.following, behind - 1, PAGE_SIZE), found.end.sequence

    async def _closed(self, job: CatchUpJob) -> bool:
        """Close a connection that can't be served in order; return whether it is closed."""
        recipient = await self._audiences.recipient(job.stream, job.connection_id)
        if recipient is None:
            return True
        logger.error(
            "a connection can't be caught up and is closed",
            extra=_fields(job.stream, recipient) | {"closed": 1, "metrics": ["closed"]},
        )
        if closed := await self._push.disconnect(recipient):
            await self._failures.remove([recipient])
        return closed


def _fields(stream: str, recipient: Recipient) -> dict[str, object]:
    return {
        "stream": stream,
        "connection_id": recipient.connection_id,
        "behind": recipient.behind,
        "missed": recipient.missed,
    }

"""A job's message, kept from other workers while this one is alive, and hardly longer.

The queue hides a message for longer than the function may run, since Lambda asks for that: a worker that dies
early would leave its group waiting for minutes. So whoever works says again and again that the message is to
come in a minute. Leaves the message itself to ``aws.delivery_queue``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from chalicelib.delivery.jobs import Received
from chalicelib.delivery.ports import JobQueue
from chalicelib.errors import GameNightError, Unavailable

HOLD_SECONDS = 60
"""How long the group of a worker that died waits at most."""

BEAT_SECONDS = 20.0
"""Between two beats: two may fail before the hold is lost."""

MARGIN_SECONDS = 5.0
"""How long before the end of the hold work stops that could not be held on to: whoever takes over must not be
overtaken by it."""


@asynccontextmanager
async def held(queue: JobQueue, received: Received) -> AsyncIterator[None]:
    """Hold a message for as long as the block takes.

    Raises Unavailable in the block's place where the queue could not be told in time.
    """
    over = asyncio.Event()
    try:
        async with asyncio.timeout(HOLD_SECONDS - MARGIN_SECONDS) as limit:
            beating = asyncio.create_task(_beat(queue, received, over, limit))
            try:
                yield
            finally:
                over.set()
                await beating  # one that came later would undo what becomes of the message
    except TimeoutError as lost:
        raise Unavailable("The delivery queue could not be told that a job is being worked at.") from lost


async def _beat(queue: JobQueue, received: Received, over: asyncio.Event, limit: asyncio.Timeout) -> None:
    while not over.is_set():
        asked = asyncio.get_running_loop().time()
        with suppress(GameNightError):  # which has been logged; the next one may be heard
            await queue.hold(received, HOLD_SECONDS)
            if not limit.expired():
                limit.reschedule(asked + HOLD_SECONDS - MARGIN_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS):
                await over.wait()

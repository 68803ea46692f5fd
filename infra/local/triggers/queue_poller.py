"""Lambda's poller of a queue: hands messages to a function, and deletes those that the function handled.

The queue hands out the others again after a time, and at last moves them to its dead-letter queue. It also
keeps the order within a message group. Nothing ends the poller: errors are logged and tried again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from infra.local.engine.queues import EngineQueue, Message
from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.polling import POLL_SECONDS, Sleep, persistently, reported

logger = logging.getLogger("gateway.queue")


class QueuePoller:
    """Feeds one function from one queue.

    ``invoke`` is given messages and raises FunctionFailed. At most ``concurrency`` batches of ``batch_size``
    are with the function at a time. ``idle`` waits between two looks, ``sleep`` after failures.
    """

    def __init__(  # noqa: PLR0913 - two are for tests
        self,
        queue: EngineQueue,
        invoke: Callable[[Sequence[Message]], Awaitable[Any]],
        *,
        batch_size: int,
        concurrency: int,
        idle: Sleep = asyncio.sleep,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._queue = queue
        self._invoke = invoke
        self._receive = partial(asyncio.to_thread, queue.receive, batch_size)
        self._room = asyncio.Semaphore(concurrency)
        self._idle = idle
        self._sleep = sleep

    async def run(self) -> None:
        """Hand over until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._room.acquire()
                messages = await persistently(self._receive, logger, "the queue can't be read", self._sleep)
                if messages:
                    group.create_task(self._hand_over(messages))
                else:
                    self._room.release()
                    await self._idle(POLL_SECONDS)

    async def _hand_over(self, messages: Sequence[Message]) -> None:
        try:
            response = await self._invoke(messages)
            for message in _done(messages, response):
                await asyncio.to_thread(self._queue.delete, message)
        except FunctionFailed:  # which has been logged; all of it comes again
            return
        except Exception:
            logger.exception("messages could not be handed over or deleted, and come again")
        finally:
            self._room.release()


def _done(messages: Sequence[Message], response: Any) -> Sequence[Message]:
    """Return the messages that the function handled; none if it reports one that it was not given."""
    failed, ids = reported(response), {message["MessageId"] for message in messages}
    if failed is None or not failed <= ids:
        return ()
    return [message for message in messages if message["MessageId"] not in failed]

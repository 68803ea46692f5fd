"""Lambda's poller of a queue: hands messages to a function, and deletes what the function got done.

What is not done stays on the queue, which hands it out again in its own time and in the end moves it to its
dead-letter queue; the order within a message group is the queue's as well. Nothing ends the poller: what goes
wrong is logged and tried again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from infra.local.engine.queues import Message
from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.pace import Nudges, Pace, persistently, set_within

logger = logging.getLogger("gateway.queue")


class Queue(Protocol):
    """What the poller needs of a queue; both methods block."""

    def receive(self, count: int) -> Sequence[Message]:
        """Return up to so many messages, which are then nobody else's for a time."""
        ...

    def delete(self, message: Message) -> None:
        """Take out a message that is done."""
        ...


class QueuePoller:
    """Feeds one function from one queue.

    ``invoke`` is given messages and raises FunctionFailed. At most ``concurrency`` batches of ``batch_size``
    are with the function at a time.
    """

    def __init__(
        self,
        queue: Queue,
        invoke: Callable[[Sequence[Message]], Awaitable[Any]],
        *,
        batch_size: int,
        concurrency: int,
        pace: Pace | None = None,
    ) -> None:
        self._queue = queue
        self._invoke = invoke
        self._batch_size = batch_size
        self._room = asyncio.Semaphore(concurrency)
        self._pace = pace or Pace()
        self._nudges = Nudges()

    def nudge(self) -> None:
        """Say that there may be something new."""
        self._nudges.nudge()

    async def run(self) -> None:
        """Hand over until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._room.acquire()
                nudged = self._nudges.next
                messages = await persistently(self._receive, self._pace, logger, "the queue can't be read")
                if messages:
                    group.create_task(self._hand_over(messages))
                    continue
                self._room.release()
                await set_within(nudged, self._pace.idle)

    async def _receive(self) -> Sequence[Message]:
        return await asyncio.to_thread(self._queue.receive, self._batch_size)

    async def _hand_over(self, messages: Sequence[Message]) -> None:
        try:
            response = await self._invoke(messages)
        except FunctionFailed:  # which has been logged; all of it comes again
            return
        except Exception:
            logger.exception("messages could not be handed over")
            return
        finally:
            self._room.release()
            self.nudge()  # what waited behind these in their groups
        for message in _done(messages, response):
            try:
                await asyncio.to_thread(self._queue.delete, message)
            except Exception:
                logger.exception("a message that is done could not be deleted, and comes again")
        self.nudge()


def _done(messages: Sequence[Message], response: Any) -> Sequence[Message]:
    """Return the messages that the function got done.

    Lambda takes no answer, or one without failures, for success, and one that it can't read for a failure
    of the whole batch.
    """
    if not response:
        return messages
    if not isinstance(response, Mapping):
        return ()
    try:
        failed = {str(failure["itemIdentifier"]) for failure in response.get("batchItemFailures") or ()}
    except (KeyError, TypeError):
        return ()
    ids = {message["MessageId"] for message in messages}
    return [message for message in messages if message["MessageId"] not in failed] if failed <= ids else ()

"""Lambda's poller of a queue: hands messages to a function, and deletes those that the function handled.

The queue does the rest: it keeps the order within a message group, hands out the other messages again, and
after their last attempt moves them to the dead-letter queue. Errors are logged, and the poller goes on.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from infra.local.deployment import REGION
from infra.local.engine.queues import EngineQueue, Message
from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.polling import POLL_SECONDS, Sleep, reported

logger = logging.getLogger("gateway.queue")


def queue_event(messages: Iterable[Message], queue_arn: str) -> dict[str, Any]:
    """Return Lambda's event for a batch of messages, in their order."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    body: str = message["Body"]
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": body,
        "attributes": {name: str(value) for name, value in message.get("Attributes", {}).items()},
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


async def poll_queue(
    queue: EngineQueue,
    invoke: Callable[[Sequence[Message]], Awaitable[Any]],
    *,
    batch_size: int,
    concurrency: int,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Feed one function from one queue, until cancelled.

    ``invoke`` calls the function with messages and raises FunctionFailed. At most ``concurrency`` batches of
    ``batch_size`` are in progress at a time. ``sleep`` waits between two looks.
    """
    room = asyncio.Semaphore(concurrency)

    async def hand_over(messages: Sequence[Message]) -> None:
        try:
            failed = reported(await invoke(messages))
            if failed is None or not failed <= {message["MessageId"] for message in messages}:
                return  # all of them come again, as on Lambda
            for message in messages:
                if message["MessageId"] not in failed:
                    await asyncio.to_thread(queue.delete, message)
        except FunctionFailed:
            return  # the failure has been logged
        except Exception:
            logger.exception("messages could not be handed over or deleted; they come again")
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        while True:
            await room.acquire()
            try:
                messages = await asyncio.to_thread(queue.receive, batch_size)
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                logger.warning("the queue can't be read: %r", error)
                messages = ()
            if messages:
                group.create_task(hand_over(messages))
            else:
                room.release()
                await sleep(POLL_SECONDS)

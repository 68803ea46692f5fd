"""The event that Lambda makes of messages of a queue."""

import hashlib
from collections.abc import Iterable
from typing import Any

from infra.local.deployment import REGION
from infra.local.engine.queues import Message


def queue_event(messages: Iterable[Message], queue_arn: str) -> dict[str, Any]:
    """Return the event for a batch of messages, in their order."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    body: str = message["Body"]
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": body,
        "attributes": {name: str(value) for name, value in message.get("Attributes", {}).items()},
        "messageAttributes": {},
        "md5OfBody": message.get("MD5OfBody", hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }

"""Creates the stack's queues on an engine where they are missing, and reads them as Lambda's poller does."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from infra.template import QueueDefinition

Message = Mapping[str, Any]
"""A message as the SDK returns it from ReceiveMessage, with all its system attributes."""


@dataclass(frozen=True, slots=True)
class EngineQueue:
    """A queue on an engine. ``sqs`` is an SDK client; its methods block and raise what the SDK raises."""

    sqs: Any
    url: str
    arn: str

    @classmethod
    def named(cls, sqs: Any, name: str) -> Self:
        """Return the queue of a name."""
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return cls(sqs, url, asked["Attributes"]["QueueArn"])

    def receive(self, count: int, **more: Any) -> Sequence[Message]:
        """Return up to so many messages, and hide them from others for a time.

        ``more`` is whatever else ReceiveMessage takes.
        """
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=count, MessageSystemAttributeNames=["All"], **more
        )
        messages: Sequence[Message] = answer.get("Messages", ())
        return messages

    def send(self, body: str, **more: Any) -> None:
        """Put a message on the queue; ``more`` is whatever else SendMessage takes."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def delete(self, message: Message) -> None:
        """Take out a message that is done."""
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def release(self, message: Message) -> None:
        """Make a received message visible again."""
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def ensure_queues(sqs: Any, queues: Mapping[str, QueueDefinition]) -> dict[str, EngineQueue]:
    """Make each queue what the stack says, dead-letter queues before those that need them."""
    made: dict[str, EngineQueue] = {}
    for logical_name, queue in sorted(queues.items(), key=lambda one: one[1].dead_letters is not None):
        attributes = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in queue.attributes.items()
        }
        if queue.dead_letters:
            dead = made[queue.dead_letters].arn
            redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": queue.receives}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        with suppress(sqs.exceptions.QueueNameExists):  # with other attributes
            sqs.create_queue(QueueName=queue.name, Attributes=attributes)
        made[logical_name] = EngineQueue.named(sqs, queue.name)
        attributes.pop("FifoQueue", None)  # can't be changed, only be what it is
        sqs.set_queue_attributes(QueueUrl=made[logical_name].url, Attributes=attributes)
    return made

"""Creates the queues of ``stack.yaml`` on an engine, and receives, sends and deletes their messages."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from infra.template import QueueDefinition

Message = Mapping[str, Any]
"""A message as ReceiveMessage returns it, with all its system attributes."""


@dataclass(frozen=True, slots=True)
class EngineQueue:
    """A queue. ``sqs`` is an SDK client. All methods block, and raise what the SDK raises."""

    sqs: Any
    url: str
    arn: str

    @classmethod
    def named(cls, sqs: Any, name: str) -> Self:
        """Find a queue by its name."""
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return cls(sqs, url, asked["Attributes"]["QueueArn"])

    def receive(self, count: int, **more: Any) -> Sequence[Message]:
        """Receive up to ``count`` messages. ``more`` is passed on to ReceiveMessage."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=count, MessageSystemAttributeNames=["All"], **more
        )
        messages: Sequence[Message] = answer.get("Messages", ())
        return messages

    def send(self, body: str, **more: Any) -> None:
        """Send a message. ``more`` is passed on to SendMessage."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def delete(self, message: Message) -> None:
        """Delete a message that is done."""
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def release(self, message: Message) -> None:
        """Make a received message visible again."""
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def ensure_queues(sqs: Any, queues: Mapping[str, QueueDefinition]) -> dict[str, EngineQueue]:
    """Create or update each queue of the stack, dead-letter queues first."""
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
        with suppress(sqs.exceptions.QueueNameExists):  # it has other attributes, updated below
            sqs.create_queue(QueueName=queue.name, Attributes=attributes)
        made[logical_name] = EngineQueue.named(sqs, queue.name)
        attributes.pop("FifoQueue", None)  # can't be changed
        sqs.set_queue_attributes(QueueUrl=made[logical_name].url, Attributes=attributes)
    return made

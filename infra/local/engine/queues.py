"""Creates the stack's queues on an engine where they are missing, and reads them as Lambda's poller does."""

import json
from collections.abc import Mapping, Sequence
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
        return cls(sqs, url, _arn(sqs, url))

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

    def make(logical_name: str) -> EngineQueue:
        if logical_name not in made:
            definition = queues[logical_name]
            attributes = dict(definition.attributes)
            if definition.dead_letters:
                attributes["RedrivePolicy"] = json.dumps(
                    {
                        "deadLetterTargetArn": make(definition.dead_letters).arn,
                        "maxReceiveCount": definition.receives,
                    }
                )
            made[logical_name] = _ensure(sqs, definition.name, attributes)
        return made[logical_name]

    return {logical_name: make(logical_name) for logical_name in queues}


def _ensure(sqs: Any, name: str, attributes: Mapping[str, Any]) -> EngineQueue:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        url = sqs.create_queue(QueueName=name, Attributes=texts)["QueueUrl"]
    else:
        texts.pop("FifoQueue", None)  # can't be changed, only be what it is
        sqs.set_queue_attributes(QueueUrl=url, Attributes=texts)
    return EngineQueue(sqs, url, _arn(sqs, url))


def _arn(sqs: Any, url: str) -> str:
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])[
        "Attributes"
    ]
    return attributes["QueueArn"]

"""The delivery queue: SQS's promises of a FIFO queue, and nothing more.

Messages of one group come one after the other, each until it was done. The same deduplication id is not taken
again for five minutes, whatever became of its first message.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.triggers.queue_poller import queue_event
from tests.model.world.interruptions import FunctionFailed
from tests.model.world.storage import Watch, step_of

ARN = "arn:aws:sqs:us-east-1:000000000000:delivery.fifo"
DEDUPLICATION_SECONDS = 5 * 60


@dataclass(slots=True)
class Message:
    """``visible_at`` is in Unix seconds."""

    id: str
    group: str
    body: str
    attempts: int = 0
    visible_at: float = 0.0


@dataclass(slots=True)
class DeliveryQueue:
    """The queue, and what of SQS's API is called. Each call is a step."""

    watch: Watch
    messages: list[Message] = field(default_factory=list)
    _sent: dict[str, float] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """See ``aws.json_api.JsonApi``."""
        with step_of(self.watch):
            if operation == "SendMessageBatch":
                for entry in arguments["Entries"]:
                    self._send(entry)
            else:
                seconds = arguments["VisibilityTimeout"]
                self._message(arguments["ReceiptHandle"]).visible_at = self.watch.now() + seconds
            return {}

    def _send(self, entry: Mapping[str, str]) -> None:
        name, now = entry["MessageDeduplicationId"], self.watch.now()
        if name not in self._sent or self._sent[name] + DEDUPLICATION_SECONDS <= now:
            self._sent[name] = now
            group, body = entry["MessageGroupId"], entry["MessageBody"]
            self.messages.append(Message(f"message{next(self._ids)}", group, body))

    def _message(self, receipt: str) -> Message:
        return next(one for one in self.messages if _receipt(one) == receipt)

    def work(self, which: int, invoke: Callable[[Any], Any]) -> None:
        """Hand the first message of one of the groups to the function, as Lambda does."""
        visible = [one for one in self._heads() if one.visible_at <= self.watch.now()]
        if not visible:
            return
        message = visible[which % len(visible)]
        message.attempts += 1
        self._busy.add(message.group)
        try:
            answer = invoke(queue_event([_as_received(message)], ARN))
        except FunctionFailed:
            return
        finally:
            self._busy.discard(message.group)
        if not answer["batchItemFailures"]:
            self.messages.remove(message)

    def _heads(self) -> list[Message]:
        heads = {one.group: one for one in reversed(self.messages)}
        return [head for group, head in sorted(heads.items()) if group not in self._busy]

    @property
    def wait(self) -> float | None:
        """The seconds until something can be done; None where nothing is left, or all is being done."""
        heads = self._heads()
        return max(0.0, min(one.visible_at for one in heads) - self.watch.now()) if heads else None


def _receipt(message: Message) -> str:
    return f"receipt of {message.id}"


def _as_received(message: Message) -> dict[str, Any]:
    return {
        "MessageId": message.id,
        "ReceiptHandle": _receipt(message),
        "Body": message.body,
        "Attributes": {"MessageGroupId": message.group, "ApproximateReceiveCount": message.attempts},
    }

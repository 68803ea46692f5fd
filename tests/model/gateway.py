"""API Gateway's side of the WebSockets: which connections are open, and posts to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost, Message
from tests.fakes.push import OneByOne
from tests.model.interruptions import Invocation, StepFailed


class Listener(Protocol):
    """The client at the other end."""

    def hear(self, connection_id: str, body: bytes, function: str) -> None:
        """Take a frame; ``function`` is which of ours has posted it."""
        ...


@dataclass(slots=True)
class Gateway(OneByOne):
    """A ``ports.Push`` that posts into simulated clients.

    ``invocation`` is the one that runs now; ``closed`` hears of connections that are closed from our side.
    """

    invocation: Callable[[], Invocation]
    closed: Callable[[str], None]
    open: dict[str, Listener] = field(default_factory=dict)
    slow: dict[str, int] = field(default_factory=dict)
    """How many posts to a connection, whose client does not read, are refused with 429 from now on."""

    def post(self, message: Message, recipient: Recipient, report: DeliveryReport) -> bool:
        """See OneByOne."""
        invocation = self.invocation()
        connection_id, body = recipient.connection_id, message.body_for(recipient)

        def post() -> bool:
            client = self.open.get(connection_id)
            if client is None:
                return False
            client.hear(connection_id, body, invocation.function)
            return True

        try:
            with invocation.step():
                self._refuse_slow(connection_id)
                delivered = post()
        except StepFailed:
            report.failed.append(FailedPost(recipient, None, "no answer"))
            return False
        if delivered:
            report.delivered += 1
        else:
            invocation.gone.add(connection_id)
            report.gone.append(recipient)
        return True

    def _refuse_slow(self, connection_id: str) -> None:
        if self.slow.get(connection_id, 0) and connection_id in self.open:
            self.slow[connection_id] -= 1
            raise StepFailed

    async def disconnect(self, recipient: Recipient) -> None:
        def close() -> None:
            if recipient.connection_id in self.open:
                self.closed(recipient.connection_id)

        try:
            with self.invocation().step():
                close()
        except StepFailed:
            close()

    async def close(self) -> None:
        pass

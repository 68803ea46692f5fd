"""API Gateway's side of the WebSockets: which connections are open, and posts to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import FailedPost, Message, Outcome
from tests.fakes.push import OneByOne
from tests.model.world.interruptions import Invocation, StepFailed


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
    unclosed: set[str] = field(default_factory=set)
    """Connections that were to be closed, and perhaps were not."""

    def post(self, message: Message, recipient: Recipient, outcome: Outcome) -> None:
        """See OneByOne."""
        invocation = self.invocation()
        connection_id = recipient.connection_id
        try:
            with invocation.step():
                self._refuse_slow(connection_id)
                client = self.open.get(connection_id)
                if client is not None:
                    client.hear(connection_id, message.body_for(recipient), invocation.function)
        except StepFailed:
            outcome.failed.append(FailedPost(recipient, None, "no answer"))
            return
        if client is None:
            invocation.gone.add(connection_id)
            outcome.gone.append(recipient)
        else:
            outcome.delivered[connection_id] = 0.0

    def _refuse_slow(self, connection_id: str) -> None:
        if self.slow.get(connection_id, 0) and connection_id in self.open:
            self.slow[connection_id] -= 1
            raise StepFailed

    async def disconnect(self, recipient: Recipient) -> bool:
        """See the port."""
        try:
            with self.invocation().step():
                if recipient.connection_id in self.open:
                    self.closed(recipient.connection_id)
        except StepFailed:
            self.unclosed.add(recipient.connection_id)
            return False
        return True

    async def close(self) -> None:
        """See the port."""

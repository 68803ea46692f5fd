"""Pushes without sockets: one that leaves to others what a post is, one that remembers what it posted."""

from collections.abc import AsyncIterable, Sequence
from math import inf

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import DeliveryReport, FailedPost, Message
from chalicelib.connections.ports import Settled


class OneByOne:
    """The posting half of a ``ports.Push``, to one recipient after the other."""

    async def begin(self, message: Message, within: float, /) -> None:
        """Let happen what is to happen before a message is posted; nothing does, as a rule."""

    def post(self, message: Message, recipient: Recipient, report: DeliveryReport) -> bool:
        """Post to one and report it; return whether that needs no other attempt."""
        raise NotImplementedError

    async def broadcast(
        self,
        message: Message,
        pages: AsyncIterable[Sequence[Recipient]],
        *,
        within: float,
        settled: Settled | None = None,
    ) -> DeliveryReport:
        """See the port."""
        assert within > 0
        await self.begin(message, within)
        report = DeliveryReport()
        async for page in pages:
            for recipient in page:
                if self.post(message, recipient, report) and settled is not None:
                    settled(recipient)
        return report


class FakePush(OneByOne):
    """Fails where it is told to."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes]] = []
        self.disconnected: list[str] = []
        self.gone: set[str] = set()
        self.failing: set[str] = set()
        self.stuck: set[str] = set()
        self.now = -inf  # Unix seconds

    def post(self, message: Message, recipient: Recipient, report: DeliveryReport) -> bool:
        """See OneByOne."""
        if recipient.connection_id in self.failing:
            report.failed.append(FailedPost(recipient, 500, "told to"))
            return False
        if message.while_token_lasts and recipient.token_expires_at <= self.now:
            report.lapsed.append(recipient)
            return False
        if recipient.connection_id in self.gone:
            report.gone.append(recipient)
        else:
            self.posts.append((recipient.connection_id, message.body_for(recipient)))
            report.delivered += 1
        return True

    async def disconnect(self, recipient: Recipient) -> bool:
        if recipient.connection_id in self.stuck:
            return False
        self.disconnected.append(recipient.connection_id)
        return True

    async def close(self) -> None:
        pass

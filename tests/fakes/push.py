"""A push that remembers what it posted, and fails where it is told to."""

from collections.abc import AsyncIterable, Sequence
from math import inf

from chalicelib.domain.connections import Recipient
from chalicelib.domain.delivery import DeliveryReport, FailedPost, Message
from chalicelib.services.ports import Settled


class FakePush:
    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes]] = []
        self.disconnected: list[str] = []
        self.gone: set[str] = set()
        self.failing: set[str] = set()
        self.stuck: set[str] = set()
        self.now = -inf  # Unix seconds

    async def broadcast(
        self,
        message: Message,
        pages: AsyncIterable[Sequence[Recipient]],
        *,
        within: float,
        settled: Settled | None = None,
    ) -> DeliveryReport:
        assert within > 0
        report = DeliveryReport()
        async for page in pages:
            for recipient in page:
                if recipient.connection_id in self.failing:
                    report.failed.append(FailedPost(recipient, 500, "told to"))
                    continue
                if message.while_token_lasts and recipient.token_expires_at <= self.now:
                    report.lapsed.append(recipient)
                    continue
                if recipient.connection_id in self.gone:
                    report.gone.append(recipient)
                else:
                    self.posts.append((recipient.connection_id, message.body_for(recipient)))
                    report.delivered += 1
                if settled is not None:
                    settled(recipient)
        return report

    async def disconnect(self, recipient: Recipient) -> bool:
        if recipient.connection_id in self.stuck:
            return False
        self.disconnected.append(recipient.connection_id)
        return True

    async def close(self) -> None:
        pass

"""What the use cases need from the outside world, as Protocols.

``storage``, ``push`` and ``auth`` implement them; the tests' fakes do too. ``bootstrap`` chooses.
"""

from collections.abc import AsyncIterable, Sequence
from typing import Protocol

from chalicelib.domain.connections import Recipient
from chalicelib.domain.delivery import DeliveryReport, Message


class Push(Protocol):
    """Posting to WebSocket connections through API Gateway's @connections."""

    async def broadcast(
        self, message: Message, pages: AsyncIterable[Sequence[Recipient]], *, within: float
    ) -> DeliveryReport:
        """Post a message to every recipient of every page, pages overlapped with posts.

        Never raises for a recipient: each ends in the report exactly once. Retries what may succeed, in
        bounds, for at most ``within`` seconds. An error raised by ``pages`` is raised once the posts
        already begun are accounted for.
        """
        ...

    async def disconnect(self, recipient: Recipient) -> None:
        """Close a connection. One that is gone already is no error; other failures are logged."""
        ...

    async def close(self) -> None:
        """Close the connections that are kept alive."""
        ...

"""Pushes without sockets: one that leaves to others what a post is, one that remembers what it posted."""

from collections.abc import Sequence
from math import inf

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import FailedPost, Message, Outcome


class OneByOne:
    """The posting half of ``connections.ports.Push``, to one recipient after the other."""

    async def begin(self, message: Message, within: float, /) -> None:
        """Let happen what is to happen before a message is posted; nothing does, as a rule."""

    def post(self, message: Message, recipient: Recipient, outcome: Outcome) -> None:
        """Post to one and note what became of it."""
        raise NotImplementedError

    async def send(self, message: Message, recipients: Sequence[Recipient], *, within: float) -> Outcome:
        """See the port."""
        assert within > 0
        await self.begin(message, within)
        outcome = Outcome()
        for recipient in recipients:
            self.post(message, recipient, outcome)
        return outcome


class FakePush(OneByOne):
    """Fails where it is told to."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes]] = []
        self.disconnected: list[str] = []
        self.gone: set[str] = set()
        self.failing: set[str] = set()
        self.stuck: set[str] = set()
        self.now = -inf  # Unix seconds

    def post(self, message: Message, recipient: Recipient, outcome: Outcome) -> None:
        """See OneByOne."""
        if recipient.connection_id in self.failing:
            outcome.failed.append(FailedPost(recipient, 500, "told to"))
        elif message.while_token_lasts and recipient.token_expires_at <= self.now:
            outcome.expired.append(recipient)
        elif recipient.connection_id in self.gone:
            outcome.gone.append(recipient)
        else:
            self.posts.append((recipient.connection_id, message.body_for(recipient)))
            outcome.delivered[recipient.connection_id] = 0.0

    async def disconnect(self, recipient: Recipient) -> bool:
        """See the port."""
        if recipient.connection_id in self.stuck:
            return False
        self.disconnected.append(recipient.connection_id)
        return True

    async def close(self) -> None:
        """See the port."""

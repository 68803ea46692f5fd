"""What is delivered to whom, and what became of it.

Leaves the how to ``push`` and the what-next to ``delivery.broadcast``.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from chalicelib.connections.connection import ALL_AUDIENCE, Recipient, session_audience
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType

FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Message:
    """One frame for an audience: the plain body, and the one that carries a cursor.

    Both are UTF-8 JSON. ``with_cursor`` goes to recipients that opted in to resume; where it is None
    everyone gets ``plain``. ``while_token_lasts``: nothing is sent to whose token has expired by the moment
    of sending, which may be minutes after its audience was read.
    """

    plain: bytes
    with_cursor: bytes | None = None
    while_token_lasts: bool = False

    def body_for(self, recipient: Recipient) -> bytes:
        """Return the body that this recipient is to get."""
        if recipient.wants_cursor and self.with_cursor is not None:
            return self.with_cursor
        return self.plain


@dataclass(frozen=True, slots=True)
class FailedPost:
    """A post that did not succeed: the last status, None where there was no answer, and why."""

    recipient: Recipient
    status: int | None
    reason: str

    @property
    def may_be_mended(self) -> bool:
        """Whether it was refused for a reason that lies with us, and would be taken once that is mended.

        403 is about the role or the keys of whoever posts.
        """
        return self.status == FORBIDDEN


@dataclass(slots=True)
class DeliveryReport:
    """What became of one message.

    ``gone``: answered 410, every trace of them is to be removed. ``refused``: answered another 4xx than 429,
    such as 403 or 413, which another attempt at once would not change. ``failed``: retries or time ran out,
    another attempt may succeed. ``lapsed``: their tokens had expired when it was their turn, and nothing was
    sent. ``retried`` counts posts that were sent again within this delivery.
    """

    delivered: int = 0
    retried: int = 0
    gone: list[Recipient] = field(default_factory=list)
    refused: list[FailedPost] = field(default_factory=list)
    failed: list[FailedPost] = field(default_factory=list)
    lapsed: list[Recipient] = field(default_factory=list)

    @property
    def audience(self) -> int:
        """How many recipients the message was meant for."""
        unreached = len(self.gone) + len(self.refused) + len(self.failed) + len(self.lapsed)
        return self.delivered + unreached

    @property
    def owed(self) -> list[FailedPost]:
        """Who is to get the message later, so that nobody need miss anything."""
        return self.failed + [post for post in self.refused if post.may_be_mended]


async def only(recipient: Recipient) -> AsyncIterator[Sequence[Recipient]]:
    """Yield the one page that an audience of one has."""
    yield (recipient,)


def audience_of(event: Event) -> str:
    """Return the key of the audience that an event goes to. An audience follows one stream."""
    return session_audience(event.session_id) if _starts_cursor(event) is None else ALL_AUDIENCE


def stream_cursor(event: Event) -> Cursor:
    """Return an event's cursor in the stream that its audience follows."""
    return _starts_cursor(event) or event.cursor


def place_of(event: Event) -> int:
    """Return an event's sequence in the stream that its audience follows."""
    return stream_cursor(event).sequence


def message_of(event: Event) -> Message:
    """Return the frames that an event's audience gets."""
    with_cursor = event.with_cursor(stream_cursor(event))
    return Message(event.plain, with_cursor, while_token_lasts=True)


def _starts_cursor(event: Event) -> Cursor | None:
    return event.sessions_cursor if event.type is EventType.SESSION_STARTED else None

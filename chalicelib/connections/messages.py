"""Defines a message to post to an audience, and the outcome of its posts."""

import msgspec

from chalicelib.connections.connection import Recipient
from chalicelib.nights.events import Event


class Message(msgspec.Struct, frozen=True):
    """One frame for an audience, as UTF-8 JSON.

    Recipients with ``wants_cursor`` get ``with_cursor``, if it is set. With ``while_token_lasts``, a
    recipient whose token has expired gets nothing.
    """

    plain: bytes
    with_cursor: bytes | None = None
    while_token_lasts: bool = False

    def body_for(self, recipient: Recipient) -> bytes:
        """Return the body for one recipient."""
        if recipient.wants_cursor and self.with_cursor is not None:
            return self.with_cursor
        return self.plain


class FailedPost(msgspec.Struct, frozen=True):
    """A post that failed. ``status`` is that of the last answer, None if there was no answer."""

    recipient: Recipient
    status: int | None
    reason: str


class Outcome(msgspec.Struct):
    """The outcome of one message. Each recipient is in exactly one of the first four fields.

    ``delivered`` maps a connection id to the Unix seconds at which the service took the post. Posts to
    ``gone`` were answered 410. Nothing was sent to ``expired``: their tokens had expired. All others are in
    ``failed``. ``retried`` counts the posts that were sent again.
    """

    delivered: dict[str, float] = {}
    gone: list[Recipient] = []
    expired: list[Recipient] = []
    failed: list[FailedPost] = []
    retried: int = 0


def message_of(event: Event) -> Message:
    """Return an event's message for its audience."""
    return Message(event.plain, event.with_place.encode(), while_token_lasts=True)

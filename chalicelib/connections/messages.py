"""A message to post to an audience, and the outcome of its posts."""

from dataclasses import dataclass, field

from chalicelib.connections.connection import Recipient
from chalicelib.nights.events import Event


@dataclass(frozen=True, slots=True)
class Message:
    """One frame for an audience, as UTF-8 JSON.

    Recipients with ``wants_cursor`` get ``with_cursor`` where there is one. With ``while_token_lasts``
    nothing is sent to a recipient whose token has expired by then.
    """

    plain: bytes
    with_cursor: bytes | None = None
    while_token_lasts: bool = False

    def body_for(self, recipient: Recipient) -> bytes:
        """Return the body for one recipient."""
        if recipient.wants_cursor and self.with_cursor is not None:
            return self.with_cursor
        return self.plain


@dataclass(frozen=True, slots=True)
class FailedPost:
    """A post that did not succeed. ``status`` is the last one, None where there was no answer."""

    recipient: Recipient
    status: int | None
    reason: str


@dataclass(slots=True)
class Outcome:
    """The outcome of one message. Each recipient is in exactly one of the first four fields.

    ``delivered`` maps a connection id to the Unix seconds at which the service took the post. Those in
    ``gone`` were answered 410. Nothing was sent to those in ``expired``, since their token had expired.
    ``failed`` is everybody else. ``retried`` counts the posts that were sent again.
    """

    delivered: dict[str, float] = field(default_factory=dict)
    gone: list[Recipient] = field(default_factory=list)
    expired: list[Recipient] = field(default_factory=list)
    failed: list[FailedPost] = field(default_factory=list)
    retried: int = 0


def message_of(event: Event) -> Message:
    """Return the frames that an event's audience gets."""
    return Message(event.plain, event.with_place.encode(), while_token_lasts=True)

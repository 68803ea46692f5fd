"""Defines the jobs of the delivery queue, and how far delivery has come. Pure values."""

import msgspec

from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event


class FanOutJob(msgspec.Struct, frozen=True, tag_field="job", tag="fan_out"):
    """Deliver an event to one shard of its audience.

    ``first`` is the sequence of the first event that the audience may lack: the event itself, or an earlier
    one whose delivery failed. ``pending`` are the events whose jobs were put on the queue before.
    """

    event: Event
    shard: int
    first: int
    pending: "Pending | None"

    @property
    def group(self) -> str:
        """Jobs of one group are done one after the other, in the order in which they were sent."""
        return f"{self.event.stream}#{self.shard}"

    @property
    def name(self) -> str:
        """Identifies the job: the same job sent twice has the same name."""
        return f"{self.event.cursor}#{self.shard}"


class CatchUpJob(msgspec.Struct, frozen=True, tag_field="job", tag="catch_up"):
    """Catch up one connection that is behind on a stream, from the event with sequence ``behind`` on."""

    stream: str
    connection_id: str
    behind: int

    @property
    def group(self) -> str:
        """Each connection has a group of its own: a slow one delays no other."""
        return f"{self.stream}#{self.connection_id}"

    @property
    def name(self) -> str:
        """Changes only when the connection makes progress: the queue accepts a name once in five minutes."""
        return f"{self.stream}#{self.connection_id}#{self.behind}"


Job = FanOutJob | CatchUpJob


class Pending(msgspec.Struct, frozen=True):
    """Events of a stream whose jobs may still be on the queue: from sequence ``since`` up to ``newest``."""

    since: int
    newest: Cursor


class Received(msgspec.Struct, frozen=True):
    """A job as received from the queue for the ``attempt``-th time; ``job`` is None if it can't be read.

    ``receipt`` identifies this attempt to the queue.
    """

    id: str
    receipt: str
    attempt: int
    job: Job | None


class Progress(msgspec.Struct, frozen=True):
    """How far delivery has come in a stream.

    ``handled`` is the newest event that was posted or fanned out; None if it is unknown. A recipient lacks no
    event up to its own position.
    """

    handled: Cursor | None = None
    pending: Pending | None = None

    def has_handled(self, event: Event) -> bool:
        """Return whether an event was handled before."""
        return self._handled(event) >= event.sequence

    def first_missing(self, event: Event) -> int:
        """Return the sequence of the first event that was not handled: ``event``'s, or an earlier one's."""
        return min(self._handled(event) + 1, event.sequence)

    def _handled(self, event: Event) -> int:
        if self.handled is None or self.handled.epoch != event.cursor.epoch:
            return 0  # the stream or the table is new: its recipients' positions show what they lack
        return self.handled.sequence


class Checkpoint(msgspec.Struct, frozen=True):
    """How far the job of an event has come in its shard.

    All connections up to ``after`` are handled, or the whole shard if ``done``. ``first`` is that of the job.
    """

    cursor: Cursor
    first: int
    after: str | None = None
    done: bool = False

    def covers(self, cursor: Cursor) -> bool:
        """Return whether an event has been delivered to the whole shard."""
        if self.cursor.epoch != cursor.epoch:
            return False
        return self.cursor.sequence > cursor.sequence or (self.cursor == cursor and self.done)

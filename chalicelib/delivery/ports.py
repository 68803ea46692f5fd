"""What delivery needs from the outside world, as Protocols: audiences, the queue, and saved progress.

Every read is strongly consistent. Every method raises Unavailable where the store or the queue does not
answer or is throttling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.connections.connection import Recipient
from chalicelib.delivery.jobs import Job, Progress, QueueMark, Received
from chalicelib.nights.cursors import Cursor


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """A part of one shard of an audience; ``next_after`` is None on the last page."""

    recipients: Sequence[Recipient]
    next_after: str | None


class Audiences(Protocol):
    """Who is in an audience. Every read is strongly consistent."""

    async def page(
        self, audience: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        """Return the next page of one shard, ordered by connection id, without expired tokens.

        Whoever was told ``auth_success`` or ``subscribed`` before the call is in it. ``limit`` bounds the
        rows that are read, of which there may be more than recipients. Raises Unavailable where the store
        does not answer or is throttling.
        """
        ...

    async def queue_mark(self, audience: str) -> QueueMark | None:
        """Return what an audience's stream has had on the queue, see ``delivery_ports.QueuedStreams``.

        None where it had nothing, or so long ago that no job of it is left. Raises Unavailable likewise.
        """
        ...


class JobQueue(Protocol):
    """Jobs on their way to ``deliver``; those of one group one after the other."""

    async def send(self, jobs: Sequence[Job]) -> None:
        """Put jobs on the queue. One with a name that was sent within five minutes is not doubled."""
        ...

    async def delay(self, received: Received, seconds: int) -> None:
        """Let a job that has to come again, and its group with it, come after so many seconds."""
        ...

    async def hold(self, received: Received, seconds: int) -> None:
        """Keep a job that is being worked at, and its group, from others for so many seconds from now."""
        ...


class QueuedStreams(Protocol):
    """Which streams have jobs on the queue. ``ports.Audiences`` tells, beside the audience itself."""

    async def mark_queued(self, audience: str, mark: QueueMark, place: Cursor) -> None:
        """Note that jobs of an audience's stream are about to be sent, those of the mark's last event.

        ``place`` is where that event is in the stream. A later one of the same epoch that was noted before
        stays the last: its jobs may be waiting, while those of an event that is redone may be done.
        """
        ...


class ProgressStore(Protocol):
    """How far jobs have come, for whoever takes over from a worker that died."""

    async def progress(self, job: str) -> Progress:
        """Return what was saved under a job's name; the beginning where nothing was."""
        ...

    async def all_done(self, jobs: Sequence[str]) -> bool:
        """Say whether all of these jobs are done; 100 at most."""
        ...

    async def save(self, job: str, progress: Progress) -> None:
        """Replace what was saved under a job's name."""
        ...


class LagStore(Protocol):
    """Who has missed something of an audience's stream, kept on the connection's row in the audience.

    A row that is gone is never made again: whoever left has nothing to catch up with.
    """

    def recipient(self, audience: str, connection_id: str) -> Recipient | None:
        """Return one of an audience as it is now; None where it left or its token has expired."""
        ...

    def fall_behind(self, audience: str, connection_id: str, place: int) -> None:
        """Note that a connection did not get the event at a place; what it misses already stays noted.

        It may be an earlier one: starts of sessions have an order only within a shard of the stream.
        """
        ...

    def skip(self, audience: str, connection_id: str, place: int) -> bool:
        """Note that a lagging connection is to get the event at a place later.

        False where it does not lag any more. A parked one is parked no longer.
        """
        ...

    def advance(self, audience: str, connection_id: str, place: int) -> bool:
        """Note that a lagging connection now has the event at a place, which was the first that it missed.

        False, and nothing is noted, where that is another one by now, or none.
        """
        ...

    def park(self, audience: str, connection_id: str) -> None:
        """Note that nobody replays to a lagging connection any more."""
        ...

    def caught_up(self, audience: str, connection_id: str, place: int) -> bool:
        """End the lag of a connection that has the event at a place now.

        False, and it still lags, where that is not all that it missed.
        """
        ...

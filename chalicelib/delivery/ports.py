"""Protocols of what delivery needs: audiences, progress, and the queue.

Every read is strongly consistent, and what has expired is not there. Every method raises Unavailable where
the store or the queue does not answer or is throttling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.connections.connection import Recipient
from chalicelib.delivery.jobs import Checkpoint, Job, Pending, Progress, Received
from chalicelib.nights.cursors import Cursor


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """A part of one shard of an audience; ``next_after`` is None on the last page."""

    recipients: Sequence[Recipient]
    next_after: str | None


class Audiences(Protocol):
    """The rows of streams' followers.

    A write makes no row. It is conditional on the state that its docstring names, and returns whether it
    happened.
    """

    async def page(
        self, stream: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        """Return the next page of one shard, ordered by connection id, without expired tokens.

        A client that got ``auth_success`` or ``subscribed`` before the call is in it. ``limit`` bounds
        the rows that are read, of which there may be more than recipients.
        """

    async def recipient(self, stream: str, connection_id: str) -> Recipient | None:
        """Return a follower as it is now; None where it left or its token has expired."""

    async def fall_behind(self, stream: str, connection_id: str, behind: int, missed: int) -> bool:
        """Make a live row behind from an event on, and note the newest event that it has missed."""

    async def note_missed(self, stream: str, connection_id: str, missed: int) -> bool:
        """Note a newer event that a row that is behind has missed."""

    async def advance(self, stream: str, connection_id: str, behind: int, to: int) -> bool:
        """Save that a row that was behind from one event on is so from another on, and free it for a job."""

    async def become_live(self, stream: str, connection_id: str, behind: int, position: int) -> bool:
        """Make a row live that has every event up to ``position``, unless a newer one was noted."""


class ProgressStore(Protocol):
    """How far delivery has come, in streams and in the shards of audiences."""

    async def progress(self, stream: str) -> Progress:
        """Return how far delivery has come in a stream."""

    async def save_handled(self, stream: str, handled: Cursor) -> None:
        """Save the newest event that was handled."""

    async def save_pending(self, stream: str, pending: Pending) -> None:
        """Save which events have jobs, before the first job of the newest is sent."""

    async def checkpoint(self, stream: str, shard: int) -> Checkpoint | None:
        """Return how far the newest job of a shard has come; None where there was none."""

    async def save_checkpoint(self, stream: str, shard: int, checkpoint: Checkpoint) -> None:
        """Replace that."""


class JobQueue(Protocol):
    """Jobs on their way to ``deliver``; those of one group one after the other."""

    async def send(self, jobs: Sequence[Job]) -> None:
        """Put jobs on the queue. One with a name that was sent within five minutes is not doubled."""

    async def delay(self, received: Received, seconds: int) -> None:
        """Let a job that has to come again, and its group with it, come after so many seconds."""

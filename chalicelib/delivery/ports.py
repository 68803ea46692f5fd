"""Defines the protocols that delivery needs: audiences, progress, and the queue.

Every read is strongly consistent, and skips expired rows. Every method raises Unavailable if the store or the
queue does not answer or is throttling.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from chalicelib.connections.connection import Recipient
from chalicelib.delivery.jobs import Checkpoint, Job, Pending, Progress, Received
from chalicelib.nights.cursors import Cursor


class AudiencePage(msgspec.Struct, frozen=True):
    """A part of one shard of an audience; ``next_after`` is None on the last page."""

    recipients: Sequence[Recipient]
    next_after: str | None


class Audiences(Protocol):
    """The rows of the followers of streams.

    No write creates a row. Each write is conditional on the state that its docstring names, and returns
    whether it took place.
    """

    async def page(
        self, stream: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        """Return the next page of one shard, ordered by connection id, without expired tokens.

        A client that got ``auth_success`` or ``subscribed`` before the call is included. ``limit`` bounds the
        rows that are read; the recipients may be fewer.
        """

    async def recipient(self, stream: str, connection_id: str) -> Recipient | None:
        """Return a follower as it is now; None if it left or its token has expired."""

    async def fall_behind(self, stream: str, connection_id: str, behind: int, missed: int) -> bool:
        """Mark a live row as behind from an event on, and note the newest event that it has missed."""

    async def note_missed(self, stream: str, connection_id: str, missed: int) -> bool:
        """Note on a row that is behind that it has missed a newer event."""

    async def advance(self, stream: str, connection_id: str, behind: int, to: int) -> bool:
        """Move a row from behind at ``behind`` to behind at ``to``, and let a job catch it up."""

    async def become_live(self, stream: str, connection_id: str, behind: int, position: int) -> bool:
        """Make a row live at ``position``, unless a newer event was noted as missed."""


class ProgressStore(Protocol):
    """How far delivery has come, in streams and in the shards of audiences."""

    async def progress(self, stream: str) -> Progress:
        """Return how far delivery has come in a stream."""

    async def save_handled(self, stream: str, handled: Cursor) -> None:
        """Save the newest event that was handled."""

    async def save_pending(self, stream: str, pending: Pending) -> None:
        """Save which events have jobs. Called before the first job of the newest event is sent."""

    async def checkpoint(self, stream: str, shard: int) -> Checkpoint | None:
        """Return how far the newest job of a shard has come; None if there was none."""

    async def save_checkpoint(self, stream: str, shard: int, checkpoint: Checkpoint) -> None:
        """Save how far the newest job of a shard has come."""


class JobQueue(Protocol):
    """The queue of jobs for ``deliver``. Jobs of one group are done one after the other."""

    async def send(self, jobs: Sequence[Job]) -> None:
        """Put jobs on the queue, except those whose name was sent in the last five minutes."""

    async def delay(self, received: Received, seconds: int) -> None:
        """Retry a job after so many seconds. The rest of its group waits as well."""

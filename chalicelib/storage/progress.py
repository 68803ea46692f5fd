"""What delivery remembers between jobs, in the connections table: queued streams, and how far jobs have come.

All of it is of use only while its jobs can still be on the queue, and then expires.
"""

from collections.abc import Callable

from chalicelib.domain.jobs import Progress
from chalicelib.storage.failures import translated
from chalicelib.storage.keys import HEAD, progress_key, queued_key
from chalicelib.storage.tables import ProgressItem, QueuedStreamItem, Table

RETENTION_SECONDS = 4 * 60 * 60 + 10 * 60
"""The queue keeps a job for four hours (infra/stack.yaml); ten minutes later none of it is left anywhere."""


class DynamoProgressStore:
    """``services.delivery_ports``'s ``ProgressStore`` and ``QueuedStreams``. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._now = now
        self._queued = table.bind(QueuedStreamItem)
        self._progress = table.bind(ProgressItem)

    def mark_queued(self, audience: str, since: int) -> None:
        """See the port."""
        with translated():
            self._queued(queued_key(audience), HEAD, since=since, expires_at=self._expiry()).save()

    def progress(self, job: str) -> Progress:
        """See the port."""
        with translated():
            try:
                item = self._progress.get(progress_key(job), HEAD, consistent_read=True)
            except self._progress.DoesNotExist:
                return Progress()
        return Progress(item.after, tuple(map(str, item.open)), done=item.done)

    def save(self, job: str, progress: Progress) -> None:
        """See the port."""
        with translated():
            self._progress(
                progress_key(job),
                HEAD,
                after=progress.after,
                open=list(progress.open),
                done=progress.done,
                expires_at=self._expiry(),
            ).save()

    def _expiry(self) -> int:
        return int(self._now()) + RETENTION_SECONDS

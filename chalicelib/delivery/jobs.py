"""What is left to be done after a broadcast, as jobs on a queue: a shard of a large audience, one straggler.

Pure values: what is in a job, and what it must be in order with. Leaves doing them to ``services`` and the
queue to ``aws.delivery_queue``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.connections.messages import audience_of, place_of
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event


@dataclass(frozen=True, slots=True)
class ShardJob:
    """Deliver an event to one shard of its audience.

    ``follows_start``: the start of the event's session went to the queue as well, so nobody may get this
    event before it.
    """

    event: Event
    shard: int
    follows_start: bool = False

    @property
    def group(self) -> str:
        """Jobs of one group are done one after the other, in the order in which they were sent."""
        return f"{audience_of(self.event)}#{self.shard}"

    @property
    def name(self) -> str:
        """The same job sent twice has the same name, and no other job has it."""
        return job_name(str(self.event.cursor), self.shard)

    @property
    def start_name(self) -> str:
        """The name of the job that delivers the start of the event's session to the same shard."""
        return job_name(str(Cursor(self.event.cursor.epoch, 1)), self.shard)


@dataclass(frozen=True, slots=True)
class CatchUpJob:
    """Replay to one connection what it has missed of its audience's stream, beginning at ``place``.

    ``session_id`` is the session of the event at that place. It has no name to be told by: a connection that
    has caught up may miss the same event again, and the job that is sent then is another one.
    """

    audience: str
    session_id: int
    connection_id: str
    place: int

    @property
    def group(self) -> str:
        """A group of its own: a connection that is slow holds up no other."""
        return f"{self.audience}#{self.connection_id}"


Job = ShardJob | CatchUpJob


@dataclass(frozen=True, slots=True)
class Received:
    """A job as the queue hands it over, for the ``attempt``-th time; None where it can't be read.

    ``receipt`` is what the queue knows this attempt by.
    """

    id: str
    receipt: str
    group: str
    attempt: int
    job: Job | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a shard's job has come.

    Everyone up to ``after`` has been taken care of, but for those in ``open``. ``done``: all of the shard.
    """

    after: str | None = None
    open: Sequence[str] = ()
    done: bool = False


@dataclass(frozen=True, slots=True)
class QueueMark:
    """What a stream has had on the queue: events from ``since`` on, a sequence, to ``last``, a cursor.

    Both are those of the session's own stream, also for the stream of all sessions.
    """

    since: int
    last: str

    def followed_by(self, event: Event) -> "QueueMark":
        """Return the mark once another event has jobs too."""
        return QueueMark(min(self.since, event.cursor.sequence), str(event.cursor))

    @classmethod
    def first(cls, event: Event) -> "QueueMark":
        """Return the mark of the first event that has jobs."""
        return cls(event.cursor.sequence, str(event.cursor))


def job_name(event: str, shard: int) -> str:
    """Return the name of the job that delivers the event with a cursor to a shard."""
    return f"{event}#{shard}"


def job_names(event: str, shards: int) -> list[str]:
    """Return the names of all jobs that deliver the event with a cursor."""
    return [job_name(event, shard) for shard in range(shards)]


def shard_jobs(event: Event, shards: int, *, queued_since: int) -> list[ShardJob]:
    """Return the jobs that deliver an event; ``queued_since`` is the ``since`` of its stream's mark."""
    follows_start = event.cursor.sequence == 2 and queued_since == 1  # noqa: PLR2004 - what comes after the start
    return [ShardJob(event, shard, follows_start) for shard in range(shards)]


def catch_up_job(event: Event, connection_id: str) -> CatchUpJob:
    """Return the job for a connection that did not get an event."""
    return CatchUpJob(audience_of(event), event.session_id, connection_id, place_of(event))

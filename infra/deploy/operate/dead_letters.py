"""The dead-letter queue of deliveries: jobs that failed for the last time, put back to be done once more.

A job is taken out once it is on the delivery queue again: whatever happens in between leaves it in both, and
never in none.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.aws.delivery_queue import job_of
from chalicelib.delivery.jobs import CatchUpJob, Job
from infra.local.engine.queues import EngineQueue, Message

AT_ONCE = 10
"""What ReceiveMessage hands out."""

HIDDEN_SECONDS = 900
"""How long a message that is looked at is nobody else's."""


@dataclass(slots=True)
class RedoneJobs:
    """What became of the jobs found.

    ``unreadable`` stay for a person to look at; ``came_back`` have failed again meanwhile, and stay too.
    """

    found: int = 0
    redone: int = 0
    unreadable: int = 0
    came_back: int = 0


@contextmanager
def taken(queue: EngineQueue, patience: int) -> Iterator[tuple[Iterator[Message], list[Message]]]:
    """Take messages from a queue until none has come for ``patience`` seconds.

    The value are the messages, and a list of those taken: what is still in it in the end goes back.
    """
    kept: list[Message] = []

    def messages() -> Iterator[Message]:
        while found := queue.receive(AT_ONCE, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=patience):
            kept.extend(found)
            yield from found

    try:
        yield messages(), kept
    finally:
        for message in kept:
            queue.release(message)


def redo_jobs(
    dead: EngineQueue, delivery: EngineQueue, tell: Callable[[str], None], *, dry_run: bool, patience: int = 1
) -> RedoneJobs:
    """Put every job back on the delivery queue; ``tell`` is given a line for each.

    Raises what the SDK raises. While one message of a group is looked at, a queue hands out no more than the
    ten of its batch: a dry run, which leaves all in their places, may show fewer than there are.
    """
    outcome = RedoneJobs()
    redone: set[tuple[str, str]] = set()
    with taken(dead, patience) as (messages, kept):
        for message in messages:
            outcome.found += 1
            group, body = message["Attributes"]["MessageGroupId"], message["Body"]
            try:
                what = _told(job_of(body))
            except ValueError:
                outcome.unreadable += 1
                tell(f"can't be read, and stays: message {message['MessageId']} of group {group}")
                continue
            if (group, body) in redone:
                outcome.came_back += 1
                tell(f"failed again, and stays: {what}")
                continue
            tell(what)
            if not dry_run:
                # Named after the message and not after the job: one of its name may have been sent within the
                # five minutes in which the queue takes no other.
                name = f"redrive-{message['MessageId']}"
                delivery.send(body, MessageGroupId=group, MessageDeduplicationId=name)
                dead.delete(message)
                kept.remove(message)
                redone.add((group, body))
                outcome.redone += 1
    return outcome


def _told(job: Job) -> str:
    if isinstance(job, CatchUpJob):
        return f"{job.stream}: what {job.connection_id} has missed from event {job.behind} on"
    event = job.event
    return f"{event.stream}: {event.type}, event {event.sequence}, to shard {job.shard}"

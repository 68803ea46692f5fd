"""Redoes what has failed for the last time: records of the stream, then jobs.

A message is deleted once its work is on the delivery queue. If the command dies in between, the work is on
both queues, and never lost.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.aws.dead_letters import message_of
from chalicelib.aws.delivery_queue import job_of
from chalicelib.delivery.jobs import CatchUpJob, Job
from infra.deploy.operate.stage import OperatedStage
from infra.deploy.operate.stream_failures import Batch, Found, GivenUpRecords, batch_of, place_of
from infra.local.engine.queues import EngineQueue, Message

AT_ONCE = 10
"""What ReceiveMessage hands out."""

HIDDEN_SECONDS = 900
"""Seconds for which a message that was received is hidden from others."""

Tell = Callable[[str], None]
"""Shows a line for each thing that is redone."""


@dataclass(slots=True)
class Outcome:
    """What became of the messages of a queue.

    ``unreadable`` ones stay for a person to look at, and so do those that ``came_back``: they have failed
    again. Of the ``events`` of the stream's records, those ``from_log`` are no longer in the stream.
    """

    found: int = 0
    redone: int = 0
    unreadable: int = 0
    came_back: int = 0
    events: int = 0
    from_log: int = 0


@dataclass(frozen=True, slots=True)
class Redone:
    """What became of jobs, and of batches of records."""

    records: Outcome
    jobs: Outcome


def redrive(stage: OperatedStage, tell: Tell, *, dry_run: bool, patience: int = 1) -> Redone:
    """Redo what is on a stage's two queues of failures.

    A queue counts as empty once it has handed out nothing for ``patience`` seconds. Raises DeploymentError,
    Unavailable, and what the SDK raises: nothing is lost, and it can be run again.
    """
    failures = stage.queue("StreamFailureQueue")
    records = Outcome()
    with stage.application() as (application, run), _taken(failures, patience) as (messages, kept):
        given_up = GivenUpRecords(application.stream, application.redelivery)
        batches = [*_batches(messages, records, tell)]
        for batch, message in sorted(batches, key=lambda one: place_of(one[0])):
            found = run(_found(given_up, batch, records, tell))
            if found is None or dry_run:
                continue
            if found.pending and run(application.count_votes(found.pending)):
                continue  # it stays: some votes could not be counted now
            run(application.redelivery.deliver(found.events))
            for unreadable in found.unreadable:
                failures.send(message_of(unreadable))
            failures.delete(message)
            kept.remove(message)
            records.redone += 1
    dead, delivery = stage.queue("DeliveryDeadLetterQueue"), stage.queue("DeliveryQueue")
    return Redone(records, redo_jobs(dead, delivery, tell, dry_run=dry_run, patience=patience))


def redo_jobs(
    dead: EngineQueue, delivery: EngineQueue, tell: Tell, *, dry_run: bool, patience: int = 1
) -> Outcome:
    """Put every job back on the delivery queue. Raises what the SDK raises.

    A dry run may not show all jobs: a queue hands out ten of a group until they are deleted.
    """
    outcome = Outcome()
    redone: set[tuple[str, str]] = set()
    with _taken(dead, patience) as (messages, kept):
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


@contextmanager
def _taken(queue: EngineQueue, patience: int) -> Iterator[tuple[Iterator[Message], list[Message]]]:
    """Receive a queue's messages. The second value lists them; what is left in it at the end goes back."""
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


def _batches(messages: Iterator[Message], outcome: Outcome, tell: Tell) -> Iterator[tuple[Batch, Message]]:
    """Yield the batch that each message is about, and report messages that can't be read."""
    for message in messages:
        outcome.found += 1
        try:
            yield batch_of(message["Body"]), message
        except ValueError:
            outcome.unreadable += 1
            tell(f"can't be read, and stays: message {message['MessageId']}")


async def _found(given_up: GivenUpRecords, batch: Batch, outcome: Outcome, tell: Tell) -> Found | None:
    """Return and report what a batch held, None if it still can't be read."""
    arrived = f"{place_of(batch)[0]:%Y-%m-%d %H:%M:%S}"
    try:
        found = await given_up.find(batch)
    except ValueError as error:
        outcome.unreadable += 1
        tell(f"{arrived}, can't be read, and stays: {error}")
        return None
    outcome.events += len(found.events)
    outcome.from_log += len(found.events) if found.whence == "the log" else 0
    names = [f"{one.type} of session {one.session_id}" for one in found.events]
    names += [f"pending votes of session {session_id}" for session_id in found.pending]
    tell(f"{arrived}, {', '.join(names) or 'nothing'}, from {found.whence}")
    return found


def _told(job: Job) -> str:
    if isinstance(job, CatchUpJob):
        return f"{job.stream}: what {job.connection_id} has missed from event {job.behind} on"
    event = job.event
    return f"{event.stream}: {event.type}, event {event.sequence}, to shard {job.shard}"

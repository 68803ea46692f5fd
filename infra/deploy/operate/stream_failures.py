"""Records of the sessions table's stream that were given up: found again, and delivered by jobs.

Lambda says where they were in the stream and not what they were. The stream has them for 24 hours; what is
older is taken from the log, by the time at which it was written. ``broadcast`` names what it could not
read by its keys in the log, and it is read again from there: the code may have been mended, or the item.
"""

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from chalicelib.aws.dead_letters import message_of, record_of
from chalicelib.aws.dynamodb.nights.stream_records import events_of, read_records
from chalicelib.nights.events import Event, UnreadableRecord
from chalicelib.timestamps import timestamp
from infra.deploy.operate.dead_letters import taken
from infra.deploy.operate.redelivery import Redelivery
from infra.local.engine.queues import EngineQueue, Message
from infra.local.triggers.stream_event import Record, sequence_number, stream_event
from infra.local.triggers.stream_reader import IteratorExpired, RecordsTrimmed, StreamGone, TableStream

EMPTY_PAGES = 1000
"""DynamoDB answers with empty pages between records that are far apart; after so many there are none."""

SLACK = timedelta(minutes=2)
"""An event's timestamp is its function's, whose clock may be off by a minute, and from before its commit."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Where records were: ``first`` to ``last`` in a shard, and when they arrived there."""

    stream_arn: str
    shard: str
    first: str
    last: str
    arrived: datetime
    arrived_last: datetime

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read Lambda's document. Raises ValueError where it is none."""
        try:
            batch = json.loads(body)["DDBStreamBatchInfo"]
            first, last = batch["startSequenceNumber"], batch["endSequenceNumber"]
            if not (first.isdigit() and last.isdigit()):
                raise ValueError(f"no sequence numbers: {first!r} and {last!r}")
            arrived, arrived_last = (
                datetime.fromisoformat(batch[f"approximateArrivalOf{which}Record"])
                for which in ("First", "Last")
            )
            return cls(batch["streamArn"], batch["shardId"], first, last, arrived, arrived_last)
        except (AttributeError, KeyError, TypeError) as exc:
            raise ValueError(f"no document of Lambda's: {exc!r}") from exc


@dataclass(slots=True)
class RedoneRecords:
    """What became of the batches found, and where their events were: in the stream, or only in the log.

    A record that was set aside is a batch of its own. ``unreadable`` stay for a person to look at: messages,
    and records that can't be read yet.
    """

    found: int = 0
    redone: int = 0
    unreadable: int = 0
    events: int = 0
    from_log: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    events: Sequence[Event]
    whence: str = "the log"
    unreadable: Sequence[UnreadableRecord] = ()
    pending: Mapping[int, Sequence[str]] = field(default_factory=dict)


Batch = GivenUp | UnreadableRecord


@dataclass(frozen=True, slots=True)
class StreamFailures:
    """The queue of failures.

    ``item`` returns the log's item of a record, ``count`` counts votes as ``Application.count_votes`` does,
    ``run`` runs a coroutine to its end. After ``patience`` seconds without a message there is none.
    """

    queue: EngineQueue
    reader: TableStream
    item: Callable[[UnreadableRecord], Mapping[str, Any] | None]
    redelivery: Redelivery
    count: Callable[[Mapping[int, Sequence[str]]], Coroutine[Any, Any, list[str]]]
    run: Callable[..., object]
    patience: int = 1

    def redo(self, tell: Callable[[str], None], *, dry_run: bool) -> RedoneRecords:
        """Deliver what was given up, oldest first; ``tell`` is given a line for each batch.

        A document is taken out once the jobs of its events are on the delivery queue. Raises Unavailable,
        StreamUnavailable, and what the SDK raises.
        """
        outcome = RedoneRecords()
        with taken(self.queue, self.patience) as (messages, kept):
            batches = [*_batches(messages, outcome, tell)]
            for batch, message in sorted(batches, key=lambda one: _place(one[0])):
                found = self._told(batch, outcome, tell)
                if found is None or dry_run:
                    continue
                if found.pending and self.run(self.count(found.pending)):
                    continue  # it stays: some votes could not be counted now
                self.run(self.redelivery.deliver(found.events))
                for unreadable in found.unreadable:
                    self.queue.send(message_of(unreadable))
                self.queue.delete(message)
                kept.remove(message)
                outcome.redone += 1
        return outcome

    def _told(self, batch: Batch, outcome: RedoneRecords, tell: Callable[[str], None]) -> _Found | None:
        """Return what a batch held and tell of it; None where it still can't be read."""
        arrived = f"{_place(batch)[0]:%Y-%m-%d %H:%M:%S}"
        try:
            found = self._found(batch)
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

    def _found(self, batch: Batch) -> _Found:
        """Return what a batch held. Raises ValueError where it is one record that still can't be read."""
        if isinstance(batch, UnreadableRecord):
            item = self.item(batch)
            try:
                return _Found(events_of(item) if item else [])
            except ValueError as exc:
                raise ValueError(f"{batch.sort_key} of {batch.partition_key}: {exc}") from exc
        try:
            records = self._records(batch)
        except (RecordsTrimmed, StreamGone, IteratorExpired):
            since, until = timestamp(batch.arrived - SLACK), timestamp(batch.arrived_last + SLACK)
            return _Found([*self.redelivery.logged(since, until)])
        read = read_records(stream_event(records, batch.stream_arn)["Records"])
        return _Found([one.event for one in read.events], "the stream", read.unreadable, read.pending)

    def _records(self, batch: GivenUp) -> list[Record]:
        """Return the records. Raises RecordsTrimmed, StreamGone, IteratorExpired where some are missing."""
        found: list[Record] = []
        empty = 0
        iterator: str | None = self.reader.iterator(
            batch.stream_arn, batch.shard, "AT_SEQUENCE_NUMBER", batch.first
        )
        while iterator is not None and empty < EMPTY_PAGES:
            page = self.reader.page(iterator)
            for record in page.records:
                found.append(record)
                if sequence_number(record) == batch.last:
                    return found
            empty = 0 if page.records else empty + 1
            iterator = page.next_iterator
        raise RecordsTrimmed


def _batches(
    messages: Iterator[Message], outcome: RedoneRecords, tell: Callable[[str], None]
) -> Iterator[tuple[Batch, Message]]:
    """Yield what messages are about, and tell of those that nobody can read."""
    for message in messages:
        outcome.found += 1
        try:
            yield _parsed(message["Body"]), message
        except ValueError:
            outcome.unreadable += 1
            tell(f"can't be read, and stays: message {message['MessageId']}")


def _parsed(message: str) -> Batch:
    """Read Lambda's document, or what ``broadcast`` set aside. Raises ValueError where it is neither."""
    try:
        return GivenUp.parse(message)
    except ValueError:
        return record_of(message)


def _place(batch: Batch) -> tuple[datetime, int]:
    """Return when something arrived in the stream, and its place there."""
    if isinstance(batch, GivenUp):
        return batch.arrived, int(batch.first)
    return datetime.fromtimestamp(batch.arrived, UTC), int(batch.sequence_number)

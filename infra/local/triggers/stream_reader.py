"""Reads a DynamoDB stream with the SDK: its shards, and their records page by page.

All methods block; ``stream_poller`` calls them in threads.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.triggers.stream_event import Record


class StreamUnavailable(Exception):
    """The stream could not be read. Another attempt may succeed."""


class IteratorExpired(Exception):
    """The iterator is too old. Ask for a new one."""


class RecordsTrimmed(Exception):
    """The records at this place are no longer in the stream."""


class StreamGone(Exception):
    """There is no such stream or shard, or it no longer exists."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard, and the one that it continues."""

    id: str
    parent: str | None
    closed: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Records, and the iterator of the next page. It is None at the end of a closed shard."""

    records: Sequence[Record]
    next_iterator: str | None


class TableStream:
    """The stream of a table. ``dynamodb`` and ``streams`` are SDK clients.

    Every method raises StreamUnavailable and StreamGone.
    """

    def __init__(self, dynamodb: Any, streams: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._streams = streams
        self._table = table

    def arn(self) -> str:
        """Return the stream's ARN, which changes when the table is recreated."""
        with _translated():
            arn = self._dynamodb.describe_table(TableName=self._table)["Table"].get("LatestStreamArn")
        if not arn:
            raise StreamGone(f"The table {self._table} has no stream.")
        return str(arn)

    def shards(self, arn: str) -> list[Shard]:
        """Return the first hundred shards. An engine has only a few."""
        with _translated():
            stream = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]
        return [
            Shard(
                one["ShardId"],
                one.get("ParentShardId"),
                closed="EndingSequenceNumber" in one.get("SequenceNumberRange", {}),
            )
            for one in stream["Shards"]
        ]

    def iterator(self, arn: str, shard: str, kind: str, sequence_number: str | None = None) -> str:
        """Return an iterator. ``kind`` is one of DynamoDB's: two kinds need a sequence number.

        Raises RecordsTrimmed.
        """
        arguments = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind}
        if sequence_number:
            arguments["SequenceNumber"] = sequence_number
        with _translated():
            return str(self._streams.get_shard_iterator(**arguments)["ShardIterator"])

    def page(self, iterator: str) -> Page:
        """Return a page of records. Raises IteratorExpired, RecordsTrimmed."""
        with _translated():
            answer = self._streams.get_records(ShardIterator=iterator)
        return Page(answer["Records"], answer.get("NextShardIterator"))


MEANINGS: dict[str, type[Exception]] = {
    "ExpiredIteratorException": IteratorExpired,
    "TrimmedDataAccessException": RecordsTrimmed,
    "ResourceNotFoundException": StreamGone,
}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise MEANINGS.get(error.response["Error"]["Code"], StreamUnavailable)(str(error)) from error
    except BotoCoreError as error:
        raise StreamUnavailable(str(error)) from error

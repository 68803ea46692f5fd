"""Reads a DynamoDB stream: its shards, and their records page by page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from chalicelib.aws.http import HttpClient
from chalicelib.aws.json_api import DynamoApi, JsonApi
from chalicelib.settings import Keys
from infra.local.triggers.stream_event import Record


class IteratorExpired(Exception):
    """The iterator is too old. Ask for a new one."""


class RecordsTrimmed(Exception):
    """The records at this place are no longer in the stream."""


class StreamGone(Exception):
    """There is no such stream or shard, or it no longer exists."""


class StreamsApi(JsonApi):
    """Calls DynamoDB Streams. It answers with records as Lambda hands them over, which an SDK would parse."""

    service = "dynamodb"
    target = "DynamoDBStreams_20120810"
    unavailable = "The stream did not answer in time."
    errors: ClassVar = {
        "ExpiredIteratorException": IteratorExpired,
        "TrimmedDataAccessException": RecordsTrimmed,
        "ResourceNotFoundException": StreamGone,
    }


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


@dataclass(frozen=True, slots=True)
class TableStream:
    """The stream of a table. Every method raises Unavailable and StreamGone."""

    dynamodb: DynamoApi
    streams: StreamsApi
    table: str

    @classmethod
    def of(
        cls, table: str, http: HttpClient, endpoint: str | None, region: str, keys: Callable[[], Keys]
    ) -> Self:
        """Return the stream of a table in a Region. ``endpoint`` is None for AWS's own."""
        streams = endpoint or f"https://streams.dynamodb.{region}.amazonaws.com"
        return cls(DynamoApi(http, endpoint, region, keys), StreamsApi(http, streams, region, keys), table)

    async def arn(self) -> str:
        """Return the stream's ARN, which changes when the table is recreated."""
        described = await self.dynamodb.call("DescribeTable", {"TableName": self.table})
        arn = described["Table"].get("LatestStreamArn")
        if not arn:
            raise StreamGone(f"The table {self.table} has no stream.")
        return str(arn)

    async def shards(self, arn: str) -> list[Shard]:
        """Return the first hundred shards. An engine has only a few."""
        stream = (await self.streams.call("DescribeStream", {"StreamArn": arn}))["StreamDescription"]
        return [
            Shard(
                one["ShardId"],
                one.get("ParentShardId"),
                closed="EndingSequenceNumber" in one.get("SequenceNumberRange", {}),
            )
            for one in stream["Shards"]
        ]

    async def iterator(self, arn: str, shard: str, kind: str, sequence_number: str | None = None) -> str:
        """Return an iterator. ``kind`` is one of DynamoDB's: two kinds need a sequence number.

        Raises RecordsTrimmed.
        """
        arguments = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind}
        if sequence_number:
            arguments["SequenceNumber"] = sequence_number
        return str((await self.streams.call("GetShardIterator", arguments))["ShardIterator"])

    async def page(self, iterator: str) -> Page:
        """Return a page of records. Raises IteratorExpired, RecordsTrimmed."""
        answer = await self.streams.call("GetRecords", {"ShardIterator": iterator})
        return Page(answer["Records"], answer.get("NextShardIterator"))

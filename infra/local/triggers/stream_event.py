"""Makes Lambda's event from records of a DynamoDB stream."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Record = Mapping[str, Any]
"""A record as the stream has it, in JSON."""


def stream_event(records: Iterable[Record], stream_arn: str) -> dict[str, Any]:
    """Return the event for a batch of records, in their order."""
    return {"Records": [{**record, "eventSourceARN": stream_arn} for record in records]}


def sequence_number(record: Record) -> str:
    """Return a record's sequence number."""
    return str(record["dynamodb"]["SequenceNumber"])


def created_at(record: Record) -> datetime:
    """Return when the change was made."""
    return datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC)

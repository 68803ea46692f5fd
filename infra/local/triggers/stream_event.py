"""The event that Lambda makes of records of a DynamoDB stream.

It turns the SDK's parsed records back into Lambda's JSON: binary as base64, times as seconds since 1970.
"""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Record = Mapping[str, Any]
"""A record as the SDK returns it from GetRecords, or as Lambda hands it over."""


def stream_event(records: Iterable[Record], stream_arn: str) -> dict[str, Any]:
    """Return the event for a batch of records, in their order."""
    return {"Records": [{**_plain(record), "eventSourceARN": stream_arn} for record in records]}


def sequence_number(record: Record) -> str:
    """Return the stream's name for a record."""
    return str(record["dynamodb"]["SequenceNumber"])


def created_at(record: Record) -> float:
    """Return when the change was made, in Unix seconds."""
    created = record["dynamodb"]["ApproximateCreationDateTime"]
    return created.timestamp() if isinstance(created, datetime) else float(created)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    return value

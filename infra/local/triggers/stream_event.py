"""Makes Lambda's event from records of a DynamoDB stream.

It turns the SDK's parsed values back into JSON: binary as base64, times as seconds since 1970.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Record = Mapping[str, Any]
"""A record as GetRecords returns it, or as Lambda hands it over."""


def stream_event(records: Iterable[Record], stream_arn: str) -> dict[str, Any]:
    """Return the event for a batch of records, in their order."""
    named = [{**record, "eventSourceARN": stream_arn} for record in records]
    return {"Records": json.loads(json.dumps(named, default=_plain))}


def sequence_number(record: Record) -> str:
    """Return a record's sequence number."""
    return str(record["dynamodb"]["SequenceNumber"])


def created_at(record: Record) -> datetime:
    """Return when the change was made."""
    created = record["dynamodb"]["ApproximateCreationDateTime"]
    return created if isinstance(created, datetime) else datetime.fromtimestamp(created, UTC)


def _plain(value: bytes | datetime) -> str | float:
    return value.timestamp() if isinstance(value, datetime) else base64.b64encode(value).decode()

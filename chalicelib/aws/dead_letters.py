"""Puts unreadable records of the stream on the queue to which Lambda sends failed batches, and reads them.

Only this module knows the format of these messages.
"""

import json
from collections.abc import Sequence

from msgspec.structs import asdict

from chalicelib.aws.json_api import SqsApi
from chalicelib.errors import Unavailable
from chalicelib.nights.events import UnreadableRecord

NAME = "unreadableRecord"
"""The key that marks such a message. Lambda's messages have a DDBStreamBatchInfo instead."""


class DeadLetters:
    """The stream's failure queue, as ``broadcast`` uses it."""

    def __init__(self, api: SqsApi, url: str) -> None:
        self._api = api
        self._url = url

    async def put(self, records: Sequence[UnreadableRecord]) -> list[str]:
        """Put records on the queue and return the sequence numbers of those to retry."""
        for position, record in enumerate(records):
            message = {"QueueUrl": self._url, "MessageBody": message_of(record)}
            try:
                await self._api.call("SendMessage", message)
            except Unavailable:  # it is logged where it is raised
                return [left.sequence_number for left in records[position:]]
        return []


def message_of(record: UnreadableRecord) -> str:
    """Return the message for a record."""
    return json.dumps({NAME: asdict(record)})


def record_of(message: str) -> UnreadableRecord:
    """Read such a message. Raises ValueError if it is another one."""
    try:
        record = UnreadableRecord(**json.loads(message)[NAME])
        if not record.sequence_number.isdigit():
            raise ValueError(f"no sequence number: {record.sequence_number!r}")
    except (AttributeError, LookupError, TypeError) as exc:
        raise ValueError(f"no record that was set aside: {exc!r}") from exc
    return record

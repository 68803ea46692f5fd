"""Records of the stream that nobody can read, on the queue where Lambda says what it gave up on, and back.

The only place that knows how such a message reads.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from chalicelib.aws.json_api import SqsApi
from chalicelib.errors import Unavailable
from chalicelib.nights.events import UnreadableRecord

NAME = "unreadableRecord"
"""What tells such a message from Lambda's, which have a DDBStreamBatchInfo."""


class DeadLetters:
    """The stream's failure queue, as ``broadcast`` uses it."""

    def __init__(self, api: SqsApi, url: str) -> None:
        self._api = api
        self._url = url

    async def put(self, records: Sequence[UnreadableRecord]) -> list[str]:
        """Set records aside and return the sequence numbers of those that have to come again for it."""
        for position, record in enumerate(records):
            message = {"QueueUrl": self._url, "MessageBody": message_of(record)}
            try:
                await self._api.call("SendMessage", message)
            except Unavailable:  # which is logged where it is raised
                return [left.sequence_number for left in records[position:]]
        return []


def message_of(record: UnreadableRecord) -> str:
    """Return what the queue has of a record."""
    return json.dumps({NAME: asdict(record)})


def record_of(message: str) -> UnreadableRecord:
    """Read such a message. Raises ValueError where it is another one."""
    try:
        record = UnreadableRecord(**json.loads(message)[NAME])
        if not record.sequence_number.isdigit():
            raise ValueError(f"no sequence number: {record.sequence_number!r}")
    except (AttributeError, LookupError, TypeError) as exc:
        raise ValueError(f"no record that was set aside: {exc!r}") from exc
    return record

"""What Lambda sends to the on-failure destination for records of a stream that it gave up.

As documented under "Retain discarded batch records for a DynamoDB event source". It names the records and
does not hold them.
"""

from datetime import UTC, datetime
from typing import Any

from infra.local.deployment import ACCOUNT_ID, REGION, Moment
from infra.local.triggers.stream_event import created_at, sequence_number
from infra.local.triggers.stream_mapping import Discarded


def failure_record(
    discarded: Discarded, function: str, stream_arn: str, shard: str, moment: Moment
) -> dict[str, Any]:
    """Return the document for records that a function did not get done."""
    records = discarded.batch.records
    return {
        "requestContext": {
            "requestId": moment.request_id,
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}",
            "condition": discarded.condition,
            "approximateInvokeCount": discarded.batch.failures,
        },
        "version": "1.0",
        "timestamp": _iso(moment.now.timestamp()),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": sequence_number(records[0]),
            "endSequenceNumber": sequence_number(records[-1]),
            "approximateArrivalOfFirstRecord": _iso(created_at(records[0])),
            "approximateArrivalOfLastRecord": _iso(created_at(records[-1])),
            "batchSize": len(records),
            "streamArn": stream_arn,
        },
    }


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

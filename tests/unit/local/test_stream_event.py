from datetime import UTC, datetime

from infra.local.deployment import Moment
from infra.local.triggers.stream_event import stream_event
from infra.local.triggers.stream_mapping import Batch, failure_record

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2025-11-01T20:00:00.123"
RECORD = {
    "eventID": "1",
    "eventName": "INSERT",
    "eventVersion": "1.1",
    "eventSource": "aws:dynamodb",
    "awsRegion": "us-east-1",
    "dynamodb": {
        "ApproximateCreationDateTime": 1_762_027_200,
        "Keys": {"PK": {"S": "session#17"}},
        "SequenceNumber": "111",
        "SizeBytes": 26,
        "StreamViewType": "NEW_IMAGE",
    },
}


def test_a_record_names_its_stream() -> None:
    assert stream_event([RECORD], ARN) == {"Records": [{**RECORD, "eventSourceARN": ARN}]}


def test_what_was_given_up_is_named() -> None:
    moment = Moment(datetime(2025, 11, 1, 20, 1, tzinfo=UTC), "request-1")

    failure = failure_record(Batch((RECORD,), 3), "broadcast", ARN, "shard-1", moment)

    assert failure["requestContext"] == {
        "requestId": "request-1",
        "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:broadcast",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 3,
    }
    assert failure["timestamp"] == "2025-11-01T20:01:00.000Z"
    assert failure["DDBStreamBatchInfo"] == {
        "shardId": "shard-1",
        "startSequenceNumber": "111",
        "endSequenceNumber": "111",
        "approximateArrivalOfFirstRecord": "2025-11-01T20:00:00.000Z",
        "approximateArrivalOfLastRecord": "2025-11-01T20:00:00.000Z",
        "batchSize": 1,
        "streamArn": ARN,
    }

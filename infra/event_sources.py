"""Settings of the stream's and the queue's event source mappings that Chalice's decorators can't express.

A deployment sets them, and the local gateway behaves by them.
"""

import json
from typing import Any

from chalicelib.aws.dynamodb.keys import PENDING
from infra.budget import CONCURRENCY

PATTERNS: list[dict[str, Any]] = [
    {"eventName": ["INSERT"], "dynamodb": {"Keys": {"SK": {"S": [{"prefix": "event#"}]}}}},
    {"eventName": ["INSERT"], "dynamodb": {"Keys": {"PK": {"S": [{"prefix": PENDING}]}}}},
]
"""Of the sessions table's changes, only new events and pending votes start the function."""

STREAM_MAPPING: dict[str, Any] = {
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    # A batch that fails as a whole is halved, until the failing record is alone.
    "BisectBatchOnFunctionError": True,
    # Lambda's default has no limit: one bad record would stop its shard for a day.
    "MaximumRetryAttempts": 10,
    # After an hour clients have polled or resumed, and the log still has the event.
    "MaximumRecordAgeInSeconds": 3600,
    # One batch at a time of each shard, so that a session's events, which are in one shard, stay in order.
    "ParallelizationFactor": 1,
    "FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in PATTERNS]},
}

QUEUE_MAPPING: dict[str, Any] = {
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    # Above it jobs wait on the queue, where waiting costs them no attempt.
    "ScalingConfig": {"MaximumConcurrency": CONCURRENCY["deliver"]},
}

"""Sets how Lambda reads the stream and the queue, as far as Chalice's decorators can't.

A deployment applies it, and so does the local gateway.
"""

import json
from typing import Any

from chalicelib.aws.dynamodb.keys import PENDING
from infra.budget import CONCURRENCY, UNRESERVED_DELIVER

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

ASYNCHRONOUS = ("sweep",)
"""The functions that EventBridge invokes: it waits for no answer."""

INVOKE_CONFIG = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
"""Lambda would retry a failed sweep twice, for up to six hours; the next one begins within a minute."""


def queue_mapping(*, reserved: bool) -> dict[str, Any]:
    """Return the queue's mapping. Above its concurrency jobs wait, which costs them no attempt."""
    concurrency = CONCURRENCY["deliver"] if reserved else UNRESERVED_DELIVER
    return {
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": concurrency},
    }

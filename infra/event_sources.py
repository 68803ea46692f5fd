"""How the stream and the queue are mapped to their functions, beyond what Chalice's decorators can say.

One place for it: a deploy sets it, and the local gateway behaves by it.
"""

import json
from typing import Any

from chalicelib.aws.dynamodb.keys import PENDING
from infra.budget import CONCURRENCY

PATTERNS: list[dict[str, Any]] = [
    {"eventName": ["INSERT"], "dynamodb": {"Keys": {"SK": {"S": [{"prefix": "event#"}]}}}},
    {"eventName": ["INSERT"], "dynamodb": {"Keys": {"PK": {"S": [{"prefix": PENDING}]}}}},
]
"""Of what happens in the sessions table, events are delivered and pending votes counted; the rest starts
nothing."""

STREAM_MAPPING: dict[str, Any] = {
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    # A batch that fails as a whole is halved, until the record that does it is alone.
    "BisectBatchOnFunctionError": True,
    # Endless is Lambda's default, and one bad record would stop its shard for a day.
    "MaximumRetryAttempts": 10,
    # What is an hour old is history; clients have polled or resumed by then, and the log still has it.
    "MaximumRecordAgeInSeconds": 3600,
    # One batch at a time of each shard, so that a session's events, which are in one shard, stay in order.
    "ParallelizationFactor": 1,
    "FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in PATTERNS]},
}

QUEUE_MAPPING: dict[str, Any] = {
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    # Beyond it jobs wait on the queue, where waiting costs them no attempt.
    "ScalingConfig": {"MaximumConcurrency": CONCURRENCY["deliver"]},
}

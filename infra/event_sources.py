"""How streams are mapped to functions beyond what Chalice's decorators can say.

One place for it: the local gateway behaves by it, and a deploy sets it.
"""

from infra.local.stream_mapping import StreamMapping

BROADCAST = StreamMapping(
    maximum_retry_attempts=10,
    # Whoever missed an event that old has long read it from the log.
    maximum_record_age_in_seconds=3600,
    bisect_batch_on_function_error=True,
    report_batch_item_failures=True,
)
"""Bounds for what Lambda would otherwise do for 24 hours, while the rest of the shard waits."""

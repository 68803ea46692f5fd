"""Metrics, as CloudWatch finds them in a log line: its embedded metric format.

A line that is written anyway names the fields that are metrics (``extra={"metrics": [...]}``), so that a
figure and the ids behind it are in one place, no call is made and nothing is imported:
docs/decisions/0106-metrics-in-log-lines.md.
"""

from collections.abc import Iterable
from typing import Any

NAMESPACE = "GameNightLive"

DIMENSIONS = ("Stage", "Function")
"""``Function`` as app.py names it: broadcast, deliver, sweep ..."""

METRICS_LOGGER = "metrics"
"""The logger of lines that are there for their figures alone."""

UNITS = {
    "audience": "Count",
    "delivered": "Count",
    "gone": "Count",
    "failed": "Count",
    "closed": "Count",
    "retried": "Count",
    "record_age_ms": "Milliseconds",
    "duration_ms": "Milliseconds",
    "unfinished": "Count",
    "unreadable": "Count",
    "behind": "None",
    "auth_failures": "Count",
}
"""Every metric that there is, with its unit; ``behind`` is in minutes, which CloudWatch has no unit for. What
each one means is in docs/operations.md."""


def metric_directive(names: Iterable[str], stage: str, function: str, milliseconds: int) -> dict[str, Any]:
    """Return what makes CloudWatch take fields of a line for metrics, and the dimensions that go with them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in names]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(DIMENSIONS)], "Metrics": metrics}
    return {
        "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]},
        **dict(zip(DIMENSIONS, (stage, function), strict=True)),
    }

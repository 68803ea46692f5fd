"""Marks fields of log lines as metrics, in CloudWatch's embedded metric format.

A line that is written anyway names the fields that are metrics (``extra={"metrics": [...]}``). So a figure
stands beside its ids, and no call or import is needed: docs/decisions/0106-metrics-in-log-lines.md.
"""

from collections.abc import Iterable
from typing import Any

NAMESPACE = "GameNightLive"

DIMENSIONS = ("Stage", "Function")
"""``Function`` as app.py names it: broadcast, deliver, sweep ..."""

METRICS_LOGGER = "metrics"
"""The logger of lines that are written only for their figures."""

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
"""Every metric with its unit; ``behind`` is in minutes, for which CloudWatch has no unit. docs/operations.md
says what each one means."""


def metric_directive(names: Iterable[str], stage: str, function: str, milliseconds: int) -> dict[str, Any]:
    """Return the fields that make CloudWatch read metrics from a line, with their dimensions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in names]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(DIMENSIONS)], "Metrics": metrics}
    return {
        "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]},
        **dict(zip(DIMENSIONS, (stage, function), strict=True)),
    }

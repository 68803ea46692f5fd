"""Renders time as the protocol writes it: UTC, milliseconds, ``Z``."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the present as an aware datetime. Injected everywhere, so tests can set the time."""


def system_clock() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Render an aware datetime as ``2025-11-01T20:00:00.123Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix_timestamp(seconds: float) -> str:
    """Render a Unix time as ``timestamp`` does."""
    return timestamp(datetime.fromtimestamp(seconds, UTC))


def milliseconds(moment: datetime) -> int:
    """Return an aware datetime as whole Unix milliseconds, the same that ``timestamp`` shows."""
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)

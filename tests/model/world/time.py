"""A night's time, which passes only where somebody waits."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from chalicelib.retry import Backoff


class Time:
    def __init__(self) -> None:
        self._now = datetime(2025, 11, 1, 20, tzinfo=UTC)

    def clock(self) -> datetime:
        """Return a time that is never the same twice, so that no two events are the same."""
        self._now += timedelta(milliseconds=1)
        return self._now

    def seconds(self) -> float:
        return self._now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def patience(self, backoff: Backoff) -> Backoff:
        """Return a back-off that waits as long as the given one, in this night's time."""
        return replace(backoff, random=lambda: 1.0, sleep=self.pass_time, monotonic=self.seconds)

"""``connections.ports.Notices``, as frames; and the schedule that the sweep goes by."""

from datetime import datetime
from typing import Any

from chalicelib.api.live import frames
from chalicelib.errors import GameNightError


class FrameNotices:
    """What the sweep tells clients."""

    def error(self, error: GameNightError) -> bytes:
        """See the port."""
        return frames.error_frame(error, None)

    def token_expiring(self, expires_at: int) -> bytes:
        """See the port."""
        return frames.token_expiring(expires_at)

    def reconnect(self, after_milliseconds: int) -> bytes:
        """See the port."""
        return frames.reconnect(after_milliseconds)


def scheduled_at(event: dict[str, Any]) -> int:
    """Return the Unix second for which EventBridge scheduled an event.

    Its clock and no function's own: it is one for all sweeps, and never ahead of the truth.
    """
    return int(datetime.fromisoformat(event["time"]).timestamp())

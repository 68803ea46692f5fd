"""Encodes the notices of ``connections.ports.Notices``, and reads when EventBridge scheduled a sweep."""

from datetime import datetime
from typing import Any

from chalicelib.api.live import frames
from chalicelib.errors import GameNightError
from chalicelib.timestamps import unix_timestamp


class FrameNotices:
    """The frames that a sweep sends to clients."""

    def error(self, error: GameNightError) -> bytes:
        """See the port."""
        return frames.error_frame(error)

    def token_expiring(self, expires_at: int) -> bytes:
        """See the port."""
        return frames.encode(frames.TokenExpiring(unix_timestamp(expires_at)))

    def reconnect(self, after_milliseconds: int) -> bytes:
        """See the port."""
        return frames.encode(frames.Reconnect("max_connection_age", after_milliseconds))


def scheduled_at(event: dict[str, Any]) -> int:
    """Return the Unix second for which EventBridge scheduled an event.

    All sweeps use EventBridge's clock, which is never ahead.
    """
    return int(datetime.fromisoformat(event["time"]).timestamp())

"""API Gateway's limits for a client, from its quotas page. Tests shorten the times."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    ``outgoing_bytes`` is how much may wait for a client that does not read. AWS does not document it; we
    assume the size of the largest message. ``close_seconds`` is how long a client has to read what waits for
    it before its connection is closed.
    """

    frame_bytes: int = 32 * 1024
    message_bytes: int = 128 * 1024
    idle_seconds: float = 10 * 60
    age_seconds: float = 2 * 60 * 60
    outgoing_bytes: int = 128 * 1024
    close_seconds: float = 1.0
    request_bytes: int = 10 * 1024 * 1024
    integration_seconds: float = 29.0

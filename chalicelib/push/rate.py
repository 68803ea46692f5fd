"""A token bucket, so that a broadcast leaves the account's other requests their share.

API Gateway counts REST, WebSocket and @connections requests against one rate per account and Region.
"""

import time
from collections.abc import Callable


class TokenBucket:
    """Lets ``posts_per_second`` pass in the long run, and ``burst`` at once after a rest.

    ``clock`` gives seconds and never goes back.
    """

    def __init__(
        self, posts_per_second: float, burst: float = 1.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raise ValueError where nothing could ever pass."""
        if posts_per_second <= 0 or burst < 1:
            raise ValueError(
                f"A rate needs posts_per_second above 0 and burst of 1 or more; "
                f"got {posts_per_second} and {burst}."
            )
        self._rate = posts_per_second
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def wait(self) -> float:
        """Return the seconds until a post may pass, 0 where one may now."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._tokens >= 1.0 else (1.0 - self._tokens) / self._rate

    def take(self) -> None:
        """Count a post that passes."""
        self._tokens -= 1.0

"""Limits a rate with a token bucket."""

import time
from collections.abc import Callable

_ROUNDING_ERROR = 1e-9


class TokenBucket:
    """Lets ``per_second`` pass in the long run, and ``burst`` at once after a rest.

    ``clock`` gives seconds and never goes back.
    """

    def __init__(
        self, per_second: float, burst: float = 1.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if per_second <= 0 or burst < 1:
            raise ValueError(f"A rate is above 0 and a burst 1 or more; got {per_second} and {burst}.")
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def wait(self) -> float:
        """Return the seconds until one may pass; 0 if one may now."""
        return self._seconds_until(1.0)

    def is_full(self) -> bool:
        """Return whether a whole burst may pass."""
        return self._seconds_until(self._burst) == 0.0

    def take(self) -> None:
        """Count one that passes."""
        self._tokens -= 1.0

    def _seconds_until(self, tokens: float) -> float:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        missing = tokens - self._tokens
        return missing / self._per_second if missing > _ROUNDING_ERROR else 0.0

"""Trying again after a lost race for the end of a stream: bounded, with full jitter."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.errors import Contended


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of uniform(0, min(cap, base * 2**n)) seconds, for ``patience`` seconds in all.

    Full jitter, since equal waits would let the losers of one race meet again in the next. Patience is
    well below API Gateway's 29 s, so that the caller gets our answer and not a time-out.
    """

    base: float = 0.004
    cap: float = 0.25
    patience: float = 10.0
    uniform: Callable[[float, float], float] = random.uniform
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def attempts(self) -> Iterator[int]:
        """Yield 0, 1, 2, ... with a wait before each but the first. Raises Contended in the end."""
        deadline = self.monotonic() + self.patience
        attempt = 0
        while self.monotonic() < deadline:
            yield attempt
            self.sleep(self.uniform(0, min(self.cap, self.base * 2 ** min(attempt, 16))))
            attempt += 1
        raise Contended("Too many writers at once on this session. Send the request again in a moment.")

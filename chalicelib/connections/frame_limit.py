"""How many frames a connection may send: a token bucket for each, in the memory of one function.

No frame costs a write for being counted: docs/decisions/0093-frames-in-memory.md says what that is worth.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import TooManyFrames
from chalicelib.limits import FRAMES_PER_SECOND, SECONDS_OF_FRAMES_AT_ONCE

REMEMBERED = 10_000
"""Connections that are remembered; about a megabyte. One that is forgotten begins anew."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    refused: int = 0


class FrameLimit:
    """Lets ``per_second`` frames of each connection pass in the long run, and ten seconds' worth at once.

    ``monotonic`` gives seconds and never goes back.
    """

    def __init__(
        self,
        per_second: int = FRAMES_PER_SECOND,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        remembered: int = REMEMBERED,
    ) -> None:
        self._rate = per_second
        self._burst = per_second * SECONDS_OF_FRAMES_AT_ONCE
        self._monotonic = monotonic
        self._remembered = remembered
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admit(self, connection_id: str) -> None:
        """Count a frame. Raises TooManyFrames, as the last one once so many were refused as pass at once."""
        bucket = self._refilled(connection_id)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return
        bucket.refused += 1
        raise TooManyFrames(self._rate, last=bucket.refused >= self._burst)

    def _refilled(self, connection_id: str) -> _Bucket:
        now = self._monotonic()
        bucket = self._buckets.get(connection_id)
        if bucket is None:
            bucket = self._buckets[connection_id] = _Bucket(self._burst, now)
            if len(self._buckets) > self._remembered:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(connection_id)
        bucket.tokens += (now - bucket.at) * self._rate
        bucket.at = now
        if bucket.tokens >= self._burst:
            bucket.tokens, bucket.refused = self._burst, 0  # it has rested, and is forgiven
        return bucket

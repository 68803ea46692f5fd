"""Limits the frames of each connection with a token bucket in the function's memory.

Counting a frame costs no write. docs/decisions/0093-frames-in-memory.md says how strict the limit is.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from chalicelib.errors import TooManyFrames
from chalicelib.limits import FRAMES_PER_SECOND, SECONDS_OF_FRAMES_AT_ONCE
from chalicelib.token_bucket import TokenBucket

REMEMBERED = 10_000
"""Connections to remember: about a megabyte. A forgotten one starts again with a full bucket."""


class _Sender(TokenBucket):
    """One connection's bucket, and how many of its frames were refused."""

    refused = 0


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
        self._senders: OrderedDict[str, _Sender] = OrderedDict()

    def admit(self, connection_id: str) -> None:
        """Count a frame. Raises TooManyFrames, with ``last`` after a whole burst of frames was refused."""
        sender = self._sender(connection_id)
        if sender.is_full():
            sender.refused = 0  # it has paused long enough
        if not sender.wait():
            sender.take()
            return
        sender.refused += 1
        raise TooManyFrames(self._rate, last=sender.refused >= self._burst)

    def _sender(self, connection_id: str) -> _Sender:
        sender = self._senders.get(connection_id)
        if sender is None:
            sender = _Sender(self._rate, self._burst, clock=self._monotonic)
            self._senders[connection_id] = sender
            if len(self._senders) > self._remembered:
                self._senders.popitem(last=False)
        self._senders.move_to_end(connection_id)
        return sender

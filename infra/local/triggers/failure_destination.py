"""Lambda's on-failure destination: what was given up of the stream goes to a queue, to be redone from there.

Leaves what the documents say to ``stream_failure``.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from infra.local.triggers.pace import Pace, persistently

logger = logging.getLogger("gateway.failures")


class Destination(Protocol):
    """The queue; it blocks."""

    def send(self, body: str) -> None:
        """Put a message on the queue."""
        ...


class FailureDestination:
    """Sends documents one after the other, each until it was taken."""

    def __init__(self, destination: Destination, pace: Pace | None = None) -> None:
        self._destination = destination
        self._pace = pace or Pace()
        self._taken: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()

    def take(self, failure: Mapping[str, Any]) -> None:
        """Take what was given up; ``run`` sends it."""
        logger.error("records of the stream were given up", extra={"failure": failure})
        self._taken.put_nowait(failure)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            body = json.dumps(await self._taken.get())
            send = partial(asyncio.to_thread, self._destination.send, body)
            await persistently(send, self._pace, logger, "what was given up can't be put on its queue")

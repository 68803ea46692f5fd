"""EventBridge's schedule: starts a function again and again, however it ends.

Leaves the event to ``schedule_event``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from infra.local.deployment import Moment
from infra.local.functions.environment import FunctionFailed
from infra.local.functions.service import LambdaService
from infra.local.triggers.schedule_event import schedule_event

logger = logging.getLogger("gateway.timer")


class Timer:
    """Starts one function every so many seconds, one after the other.

    On AWS a schedule does not wait for the function that it started last; here two never run at once, which
    no function may rely on.
    """

    def __init__(
        self,
        functions: LambdaService,
        name: str,
        seconds: float,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        present: Callable[[], Moment] = Moment.present,
    ) -> None:
        self._functions = functions
        self._name = name
        self._seconds = seconds
        self._sleep = sleep
        self._present = present

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await self._sleep(self._seconds)
            event: dict[str, Any] = schedule_event(self._name, self._present())
            try:
                await self._functions.invoke(self._name, event)
            except FunctionFailed:
                continue  # logged; the next one does what this one did not
            except Exception:
                logger.exception("a scheduled function could not be started")

"""Invokes functions as Lambda does: concurrently, each in up to ``CONCURRENCY`` environments.

Each environment belongs to one thread. One that crashed or timed out is replaced at the next event.
"""

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from infra.local.functions.deployed import Function
from infra.local.functions.environment import (
    Environment,
    FunctionFailed,
    IntegrationTimedOut,
)

logger = logging.getLogger("gateway.lambda")

CONCURRENCY = 4
"""Environments of each function. A laptop's cores can't use more; AWS allows 1,000 in an account."""


class LambdaService:
    """Invokes functions by name. ``start`` creates an environment of a function."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        start: Callable[[Function], Environment] = Environment,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._functions = functions
        self._start = start
        self._threads = {name: ThreadPoolExecutor(concurrency, name) for name in functions}
        self._of_this_thread = threading.local()
        self._all: set[Environment] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._ran = asyncio.Event()

    async def warm(self) -> None:
        """Start one environment of each function, so that the first events don't wait for it."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(
                loop.run_in_executor(self._threads[name], self._environment, function)
                for name, function in self._functions.items()
            )
        )

    async def invoke(self, name: str, event: Any, within: float | None = None) -> Any:
        """Invoke a function and return its answer.

        Raises FunctionFailed, which has been logged. Raises IntegrationTimedOut after ``within`` seconds; the
        function goes on.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within):
                return await loop.run_in_executor(self._threads[name], self._invoke, name, event)
        except TimeoutError as late:
            raise IntegrationTimedOut(f"{name} did not answer within {within} seconds") from late
        finally:
            self._ran.set()

    async def until_one_has_run(self, seconds: float) -> None:
        """Return once a function has run since the last call, after ``seconds`` at the latest."""
        # `asyncio.wait_for` can lose a cancellation before Python 3.12, and the gateway would never stop.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ran.wait()
        self._ran.clear()

    def close(self) -> None:
        """Kill all environments."""
        with self._lock:
            self._closed = True
            for environment in self._all:
                environment.kill()
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    def _invoke(self, name: str, event: Any) -> Any:
        request_id = str(uuid.uuid4())
        try:
            return self._environment(self._functions[name]).invoke(event, request_id)
        except FunctionFailed as failure:
            if not self._closed:
                extra = {"function": name, "request_id": request_id}
                # The message has the function's own traceback.
                logger.error("%s failed: %s", name, failure, extra=extra)  # noqa: TRY400
            raise

    def _environment(self, function: Function) -> Environment:
        mine: Environment | None = getattr(self._of_this_thread, "environment", None)
        if mine is None or not mine.usable:
            with self._lock:
                if self._closed:
                    raise FunctionFailed("the gateway has ended")
                if mine is not None:
                    self._all.discard(mine)
                mine = self._of_this_thread.environment = self._start(function)
                self._all.add(mine)
        return mine

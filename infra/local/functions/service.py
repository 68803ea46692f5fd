"""Lambda: for each function, as many environments as are needed at the same time, up to a bound.

An environment that is free is used again, the last one first; a crashed or timed-out one is replaced when
the next event comes. Their number never shrinks.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from infra.local.functions.deployed import Function
from infra.local.functions.environment import FunctionFailed, IntegrationTimedOut

logger = logging.getLogger("gateway.lambda")

CONCURRENCY = 4
"""Environments for each function: more than a laptop's cores can use, far fewer than AWS's 1,000."""


class Worker(Protocol):
    """One execution environment."""

    usable: bool

    async def invoke(self, event: Any, request_id: str) -> Any:
        """Hand over an event and return the answer. Raises FunctionFailed."""
        ...

    def close(self) -> None:
        """End it at once."""
        ...


class LambdaService:
    """Invokes functions by name. ``start`` makes one more environment of a function."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        start: Callable[[Function], Awaitable[Worker]],
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._pools = {name: _Pool(function, start, concurrency) for name, function in functions.items()}

    async def warm(self) -> None:
        """Make one environment of each function, so that no first event has to wait for it."""
        await asyncio.gather(*(pool.warm() for pool in self._pools.values()))

    async def invoke(self, name: str, event: Any, within: float | None = None) -> Any:
        """Invoke a function and return its answer.

        Raises FunctionFailed, which has been logged, and IntegrationTimedOut after ``within`` seconds, which
        does not end the function.
        """
        if within is None:
            return await self._pools[name].invoke(event)
        invocation = asyncio.ensure_future(self._pools[name].invoke(event))
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(invocation)
        except TimeoutError as late:
            invocation.add_done_callback(_ignore_outcome)
            raise IntegrationTimedOut(f"{name} did not answer within {within} seconds") from late
        except asyncio.CancelledError:
            invocation.cancel()
            raise

    def close(self) -> None:
        """End all environments at once."""
        for pool in self._pools.values():
            pool.close()


class _Pool:
    def __init__(
        self, function: Function, start: Callable[[Function], Awaitable[Worker]], concurrency: int
    ) -> None:
        self._function = function
        self._start = start
        self._free: list[Worker] = []
        self._all: set[Worker] = set()
        self._room = asyncio.Semaphore(concurrency)

    async def warm(self) -> None:
        async with self._room:
            self._free.append(await self._new())

    async def invoke(self, event: Any) -> Any:
        request_id = str(uuid.uuid4())
        async with self._room:
            worker = self._free.pop() if self._free else await self._new()
            try:
                return await worker.invoke(event, request_id)
            except FunctionFailed as failure:
                logger.error(  # noqa: TRY400 - the failure's own trace is the message, ours would hide it
                    "%s failed: %s",
                    self._function.name,
                    failure,
                    extra={"function": self._function.name, "request_id": request_id},
                )
                raise
            finally:
                if worker.usable:
                    self._free.append(worker)
                else:
                    self._all.discard(worker)

    async def _new(self) -> Worker:
        worker = await self._start(self._function)
        self._all.add(worker)
        return worker

    def close(self) -> None:
        for worker in self._all:
            worker.close()
        self._all.clear()
        self._free.clear()


def _ignore_outcome(invocation: "asyncio.Future[Any]") -> None:
    if not invocation.cancelled():
        invocation.exception()

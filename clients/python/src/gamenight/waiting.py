"""Waits for time, which a test can replace, and for functions that block."""

import asyncio
import concurrent.futures
import inspect
import random
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0


class Surroundings:
    """Time, randomness and new ids. All times are in seconds.

    A test overrides the methods up to ``new_id``, so a client needs no real time.
    """

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def share(self) -> float:
        """Return a random number from 0 to 1."""
        return random.random()  # noqa: S311 - it spreads reconnects, it guards nothing

    def new_id(self) -> str:
        """Return a new unique id."""
        return str(uuid.uuid4())

    def delay(self, failures: int, longest: float = LONGEST_DELAY_SECONDS) -> float:
        """Return seconds to wait after so many failures in a row: full jitter, ``longest`` at most."""
        bound: float = min(longest, FIRST_DELAY_SECONDS * 2 ** min(failures - 1, 16))
        return self.share() * bound

    async def within(self, seconds: float, doing: Awaitable[T]) -> T:
        """Return the result of an awaitable. Raises TimeoutError if it takes longer."""
        task = asyncio.ensure_future(doing)
        try:
            await self.first(task, seconds)
            if task.done():
                return task.result()
        finally:
            task.cancel()
        raise TimeoutError(f"no answer within {seconds:g} s")

    async def first(self, task: "asyncio.Future[Any]", seconds: float) -> None:
        """Wait until a task is done, but not longer than so many seconds."""
        waking = asyncio.ensure_future(self.sleep(seconds))
        try:
            await asyncio.wait({task, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()


async def awaited(given: T | Awaitable[T]) -> T:
    """Return a value, or the result if it is awaitable."""
    return await given if inspect.isawaitable(given) else given


async def in_a_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run a function that blocks in a thread, and return its result.

    The program's end does not wait for the thread: Ctrl-C works while a request hangs.
    """
    returned: concurrent.futures.Future[T] = concurrent.futures.Future()
    returned.set_running_or_notify_cancel()  # or it could not be set once the waiting task is cancelled
    threading.Thread(target=_return, args=(returned, function, arguments), daemon=True).start()
    return await asyncio.wrap_future(returned)


def _return(
    returned: "concurrent.futures.Future[T]", function: Callable[..., T], arguments: tuple[Any, ...]
) -> None:
    try:
        returned.set_result(function(*arguments))
    except BaseException as problem:  # noqa: BLE001 - it is raised where it is waited for
        returned.set_exception(problem)
        del returned  # else it and the exception's frame keep each other until the next collection

"""Runs a coroutine in an event loop that a signal can't interrupt while it is created."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from infra.signals import put_off

T = TypeVar("T")


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``main()`` and return its result, as ``asyncio.run`` does.

    A signal waits until the loop is created: a half-created loop can't be closed, and Python prints a
    traceback when it collects it.
    """
    with ExitStack() as stack:
        with put_off():
            runner = stack.enter_context(asyncio.Runner())
        return runner.run(main())

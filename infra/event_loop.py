"""An event loop that a signal can't interrupt while it is being made."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from infra.signals import put_off

T = TypeVar("T")


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``main()`` and return its result, as ``asyncio.run`` does.

    A signal that comes while the loop is being made waits until it is: a loop that is half made can't be
    closed, and Python prints a traceback when it is collected.
    """
    with ExitStack() as stack:
        with put_off():
            runner = stack.enter_context(asyncio.Runner())
        return runner.run(main())

"""Ends a process on a signal: quietly, and with the status that shells expect.

The code that began some work cleans up in a ``finally``. A background command goes on ignoring Ctrl-C.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


def leave_by_ctrl_c() -> None:
    """Make Ctrl-C end this process at once, while there is nothing to clean up.

    An exception in the middle of an import would print a traceback, or be ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_by_ctrl_c() -> None:
    """Make Ctrl-C raise KeyboardInterrupt again, now that there may be something to clean up."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def exit_by_signals() -> None:
    """Make SIGTERM, and a closed terminal, end this process and all that it has started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has the latter ignored
            signal.signal(number, _exit)


@contextmanager
def put_off() -> Iterator[None]:
    """Make signals wait for the end of the block, so that nothing that it starts is left behind."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    heeded = {
        number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in heeded.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)

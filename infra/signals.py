"""Ends a process of ours on a signal: quietly, and with the status that shells expect.

Cleaning up is in the ``finally`` of the code that began the work. A shell has a background command ignore
Ctrl-C; that is kept.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


def leave_by_ctrl_c() -> None:
    """Have Ctrl-C end this process on the spot, while nothing is begun that has to be ended.

    An exception in the middle of an import would be a traceback, or be printed and forgotten.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_by_ctrl_c() -> None:
    """Have Ctrl-C raise KeyboardInterrupt again, from when on there is something to be ended."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def exit_by_signals() -> None:
    """Have SIGTERM, and a terminal that is closed, end this process with all that it has started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has the latter ignored
            signal.signal(number, _exit)


@contextmanager
def put_off() -> Iterator[None]:
    """Have signals wait for the end of the block, so that nothing that it starts is left behind."""
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

"""How a signal ends a process: on the spot, by an exception, or later."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from infra.signals import exit_by_signals, leave_by_ctrl_c, put_off, raise_by_ctrl_c

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):  # which the suite is to ignore where `nohup` runs it
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_ctrl_c_ends_it_where_an_exception_would_be_lost() -> None:
    program = """
import signal
from infra.signals import leave_by_ctrl_c

class Ends:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

leave_by_ctrl_c()
Ends()
print("goes on")
"""

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_from_then_on_ctrl_c_is_an_exception() -> None:
    leave_by_ctrl_c()
    raise_by_ctrl_c()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_background_process_goes_on_ignoring_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    leave_by_ctrl_c()
    raise_by_ctrl_c()

    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_exits_with_a_shells_status(number: signal.Signals) -> None:
    exit_by_signals()

    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(number)

    assert ended.value.code == 128 + number


def test_who_was_told_to_outlive_the_terminal_does() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    exit_by_signals()

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_postponed_signal_comes_at_the_blocks_end() -> None:
    done = []

    def start() -> None:
        with put_off():
            signal.raise_signal(signal.SIGINT)
            done.append("started")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert done == ["started"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

"""MiniStack for as long as its standard input is open, run by the Python of its own environment.

The end of standard input is the end of whoever started this, however they ended; then MiniStack is told to
stop, so that it keeps its state. Imports nothing of ours: its environment has only MiniStack.
"""

import os
import runpy
import signal
import sys
import threading


def _stop_with_the_gateway() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_with_the_gateway, daemon=True).start()
    runpy.run_module("ministack", run_name="__main__")

"""Runs MiniStack until its standard input ends, with the Python of MiniStack's own environment.

Standard input ends when the parent process ends, whatever the reason. MiniStack then saves its state and
stops. It runs on uvicorn, because its own server takes twice as long for a request. This file can't import
our code: the environment has only MiniStack and uvicorn.
"""

import os
import signal
import sys
import threading
from functools import lru_cache

import uvicorn
from ministack.services import dynamodb

# For each item, a Query parses its condition and computes the sizes of its numbers again. That takes more
# than half of its time.
for name in ("_tokenize", "_condition_syntax_error", "_number_size_bytes"):
    setattr(dynamodb, name, lru_cache(maxsize=1024)(getattr(dynamodb, name)))


def _stop_with_the_gateway() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_with_the_gateway, daemon=True).start()
    uvicorn.run(
        "ministack.app:app",
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="auto",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )

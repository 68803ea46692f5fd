"""Runs MiniStack while its standard input is open, with the Python of its own environment.

Standard input ends when the process that started this has ended, for whatever reason. Then MiniStack is
told to stop, so that it saves its state. Uvicorn serves it, since MiniStack's own server takes twice the time
for a request. This file imports nothing of ours: its environment has only these two.
"""

import os
import signal
import sys
import threading
from functools import lru_cache

import uvicorn
from ministack.services import dynamodb

# A Query reads its condition anew for each of its items, which takes more than half of its time.
for name in ("_tokenize", "_condition_syntax_error"):
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

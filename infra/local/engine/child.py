"""MiniStack for as long as its standard input is open, run by the Python of its own environment.

The end of standard input is the end of whoever started this, however they ended; then MiniStack is told to
stop, so that it keeps its state. Uvicorn serves it, since MiniStack's own server takes twice the time for a
request. Imports nothing of ours: its environment has only these two.
"""

import os
import signal
import sys
import threading

import uvicorn


def _stop_with_the_gateway() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_with_the_gateway, daemon=True).start()
    uvicorn.run(
        "ministack.app:app",
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="asyncio",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )

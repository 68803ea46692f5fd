"""Handles one event at a time in the process of an execution environment, as Lambda's runtime does.

Events and answers are JSON on a pipe, so that an object that JSON can't express fails as on AWS. The process
ends when its pipe is closed.
"""

import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from types import SimpleNamespace

from infra.local.deployment import ACCOUNT_ID, REGION
from infra.local.functions.deployed import Function


def run(function: Function, pipe: Connection) -> None:
    """Handle events until the pipe is closed. This is the process's main function."""
    # Ctrl-C reaches every process of the terminal. The gateway handles it and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError):  # on Linux `top` and `ps` then show the function's name
        Path("/proc/self/comm").write_text(function.name[:15])
    handler = None
    with suppress(EOFError, OSError):
        while True:
            request = json.loads(pipe.recv_bytes())
            context = _context(function, request["request_id"], request["deadline"])
            os.environ["_X_AMZN_TRACE_ID"] = _trace(request["request_id"])
            try:
                handler = handler or resolve_name(function.handler)
                answer = json.dumps({"response": handler(request["event"], context)})
            except Exception as error:  # noqa: BLE001 - anything that a handler raises
                answer = json.dumps({"error": "".join(traceback.format_exception(error)).strip()})
            sys.stdout.flush()
            pipe.send_bytes(answer.encode())


def _context(function: Function, request_id: str, deadline: float) -> SimpleNamespace:
    """Return a handler's second argument. ``deadline`` is in Unix seconds."""
    return SimpleNamespace(
        function_name=function.name,
        aws_request_id=request_id,
        invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function.name}",
        get_remaining_time_in_millis=lambda: max(0, int((deadline - time.time()) * 1000)),
    )


def _trace(request_id: str) -> str:
    """Return the trace header that Lambda sets for a request that is not sampled."""
    return f"Root=1-{int(time.time()):08x}-{request_id.replace('-', '')[:24]};Sampled=0"

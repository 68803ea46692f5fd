"""Runs inside an execution environment: handles one event at a time, as on Lambda.

Events and answers are JSON on a pipe, so nothing passes that could not pass on AWS. The process ends when its
pipe does.
"""

import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from infra.local.deployment import ACCOUNT_ID, REGION
from infra.local.functions.deployed import Function


def run(function: Function, pipe: Connection) -> None:
    """Answer each event until there are no more. The body of the process."""
    # Ctrl-C reaches every process of the terminal; the gateway decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError):  # where it exists: so that `top` and `ps` show which process is which
        Path("/proc/self/comm").write_text(function.name[:15])
    handler = None
    with suppress(EOFError, OSError):
        while True:
            request = json.loads(pipe.recv_bytes())
            context = _context(function, request["request_id"], request["deadline"])
            os.environ["_X_AMZN_TRACE_ID"] = _trace(request["request_id"])
            try:
                handler = handler or _handler(function.handler)
                answer = json.dumps({"response": handler(request["event"], context)})
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failure of the function
                answer = json.dumps({"error": "".join(traceback.format_exception(error)).strip()})
            sys.stdout.flush()
            pipe.send_bytes(answer.encode())


def _context(function: Function, request_id: str, deadline: float) -> SimpleNamespace:
    """Return the second argument of a handler; the deadline is in Unix seconds."""
    return SimpleNamespace(
        function_name=function.name,
        aws_request_id=request_id,
        invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function.name}",
        get_remaining_time_in_millis=lambda: max(0, int((deadline - time.time()) * 1000)),
    )


def _trace(request_id: str) -> str:
    """Return what Lambda says of the trace of a request that nobody samples."""
    return f"Root=1-{int(time.time()):08x}-{request_id.replace('-', '')[:24]};Sampled=0"


def _handler(path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    return getattr(import_module(module), attribute)

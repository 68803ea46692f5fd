"""What runs inside an execution environment: a process that handles one event at a time, as on Lambda.

Events and answers are lines of JSON on a socket, so that nothing passes that could not pass on AWS. The
end of the socket, however it came, is the end of the process. Leaves starting and killing to
``environment``.
"""

import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from infra.local.deployment import ACCOUNT_ID, REGION
from infra.local.functions.deployed import Function


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The second argument of a handler. ``deadline`` is in Unix seconds."""

    function_name: str
    memory_limit_in_mb: int
    aws_request_id: str
    deadline: float
    function_version: str = "$LATEST"
    log_stream_name: str = ""
    identity: None = None
    client_context: None = None

    @property
    def invoked_function_arn(self) -> str:
        """The function's name, in full."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        """Where the function's log would be."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still take."""
        return max(0, int((self.deadline - time.time()) * 1000))


def run(function: Function, events: socket.socket) -> None:
    """Handle events until there are no more. The body of the process."""
    # Ctrl-C reaches the whole terminal; what follows from it is the gateway's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError):  # where there is such a thing: so that `top` and `ps` tell which process is which
        Path("/proc/self/comm").write_text(function.name[:15])
    with events, events.makefile("rb") as requests, events.makefile("wb") as answers:
        serve(function, requests, answers)


def serve(function: Function, requests: Iterable[bytes], answers: IO[bytes]) -> None:
    """Answer each line with a line."""
    handler = None
    for line in requests:
        request = json.loads(line)
        context = LambdaContext(function.name, function.memory_mb, request["request_id"], request["deadline"])
        os.environ["_X_AMZN_TRACE_ID"] = _trace(request["request_id"])
        try:
            if handler is None:
                handler = _handler(function.handler)
            answer = json.dumps({"response": handler(request["event"], context)})
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failure of the function
            answer = json.dumps({"error": _description(error)})
        sys.stdout.flush()
        answers.write(answer.encode() + b"\n")
        answers.flush()


def _trace(request_id: str) -> str:
    """Return what Lambda says of the trace of a request that nobody samples."""
    return f"Root=1-{int(time.time()):08x}-{request_id.replace('-', '')[:24]};Sampled=0"


def _handler(path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    return getattr(import_module(module), attribute)


def _description(error: Exception) -> dict[str, Any]:
    return {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_exception(error),
    }

"""Runs each execution environment as a process, forked from one that has imported the application.

A process handles one event at a time, as on Lambda, and the application relies on that. When the gateway
ends, even by a kill, the process's pipe is closed and the process ends too.
"""

import json
import multiprocessing
import pkgutil
import signal
import time
from multiprocessing import forkserver, resource_tracker
from typing import Any

import chalicelib
from infra.local.functions import runtime
from infra.local.functions.deployed import Function

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Lambda's limit for an event and for an answer."""

_CONTEXT = multiprocessing.get_context("forkserver")


class FunctionFailed(Exception):
    """The function raised an error, timed out, or its process ended. The message says which."""


class IntegrationTimedOut(FunctionFailed):
    """API Gateway has stopped waiting. The function is still running."""


def start_fork_server() -> None:
    """Start the process that all environments are forked from, so that they share its imports.

    It inherits the environment variables as they are now.
    """
    product = [module.name for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib.")]
    _CONTEXT.set_forkserver_preload(["app", runtime.__name__, *product])
    # A process that starts while Ctrl-C is blocked keeps it blocked. Starting the resource tracker would
    # unblock it, so the tracker is started first.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class Environment:
    """One process of one function. ``usable`` says whether it can handle another event."""

    def __init__(self, function: Function) -> None:
        self.usable = True
        self._function = function
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(
            target=runtime.run, args=(function, theirs), name=function.name, daemon=True
        )
        self._process.start()
        theirs.close()

    def invoke(self, event: Any, request_id: str) -> Any:
        """Invoke the function and return its answer; blocks.

        Raises FunctionFailed. After a time-out or a crash the environment is no longer usable.
        """
        seconds = self._function.timeout_seconds
        request = {"event": event, "request_id": request_id, "deadline": time.time() + seconds}
        try:
            self._pipe.send_bytes(json.dumps(request).encode())
            if not self._pipe.poll(seconds):
                self.kill()
                raise FunctionFailed(f"Task timed out after {seconds} seconds")
            answer = json.loads(self._pipe.recv_bytes(MAX_PAYLOAD_BYTES))
        except (OSError, EOFError) as broken:
            self.kill()
            raise FunctionFailed("Runtime exited, or its answer was too large") from broken
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        return answer["response"]

    def kill(self) -> None:
        """Kill the process. A caller that is waiting gets FunctionFailed."""
        self.usable = False
        self._process.kill()

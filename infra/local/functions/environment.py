"""Execution environments: one process each, forked from one that has imported the application.

A process takes one event at a time, as on Lambda; the application relies on it. It ends with the gateway,
even if the gateway is killed, since its pipe ends then.
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
"""Lambda's limit of an event and of an answer."""

_CONTEXT = multiprocessing.get_context("forkserver")


class FunctionFailed(Exception):
    """The function raised, took too long or ended. The message says what."""


class IntegrationTimedOut(FunctionFailed):
    """API Gateway has stopped waiting; the function goes on."""


def start_fork_server() -> None:
    """Start the process that all environments are forked from; they share what it has imported.

    It inherits the environment variables of this moment.
    """
    product = [module.name for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib.")]
    _CONTEXT.set_forkserver_preload(["app", runtime.__name__, *product])
    # Processes started here keep Ctrl-C blocked; this one gets it afterwards. The resource tracker unblocks
    # it when it starts, so it has to run already.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class Environment:
    """One process of one function. ``usable``: it can take another event."""

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
        """Hand over an event and return the function's answer; blocks.

        Raises FunctionFailed. Where the process took too long or ended, it is not usable any more.
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
            raise FunctionFailed("Runtime exited, or answered too much") from broken
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        return answer["response"]

    def kill(self) -> None:
        """End the process at once; a caller that waits gets FunctionFailed."""
        self.usable = False
        self._process.kill()

"""Execution environments: one process each, forked from one that has imported the application.

A process takes one event at a time, as on Lambda; the application relies on it. It dies with the gateway,
however the gateway ends, since its socket ends then. Leaves how many there are to ``lambda_service``.
"""

import asyncio
import json
import multiprocessing
import pkgutil
import signal
import socket
import threading
import time
from multiprocessing import forkserver, resource_tracker
from typing import Any

import chalicelib
from infra.local.functions import runtime
from infra.local.functions.deployed import Function

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Lambda's limit of an event and of an answer."""


class FunctionFailed(Exception):
    """The function raised. The message says what."""


class FunctionTimedOut(FunctionFailed):
    """The function took longer than it may and was ended."""


class IntegrationTimedOut(FunctionFailed):
    """API Gateway has stopped waiting; the function goes on."""


class FunctionCrashed(FunctionFailed):
    """The process ended before it had answered."""


class Nursery:
    """The process that all environments are forked from: it has imported what they need, so they share it."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._starting = threading.Lock()

    def open(self) -> None:
        """Start the process. It inherits the environment variables of this moment."""
        names = [module.name for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib.")]
        self._context.set_forkserver_preload(
            ["app", "infra.__main__", "infra.local.functions.runtime", *names]
        )
        # Blocked here, Ctrl-C stays blocked in what is started here, and comes to this process afterwards.
        # The tracker, which lets it through again when it starts, has to be up before.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    async def environment(self, function: Function) -> "Environment":
        """Return a new environment of a function."""
        ours, theirs = socket.socketpair()
        process = self._context.Process(
            target=runtime.run, args=(function, theirs), name=function.name, daemon=True
        )
        await asyncio.to_thread(self._start, process)
        theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours, limit=2 * MAX_PAYLOAD_BYTES)
        return Environment(function, process, reader, writer)

    def _start(self, process: Any) -> None:
        with self._starting:
            process.start()


class Environment:
    """One process of one function."""

    def __init__(
        self,
        function: Function,
        process: Any,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._function = function
        self._process = process
        self._reader = reader
        self._writer = writer
        self.usable = True

    @property
    def pid(self) -> int:
        """The process's id."""
        pid: int = self._process.pid
        return pid

    async def invoke(self, event: Any, request_id: str) -> Any:
        """Hand over an event and return the function's answer.

        Raises FunctionFailed; FunctionTimedOut and FunctionCrashed, after which it is not usable any more.
        """
        deadline = time.time() + self._function.timeout_seconds
        request = json.dumps({"event": event, "request_id": request_id, "deadline": deadline})
        try:
            async with asyncio.timeout(self._function.timeout_seconds):
                self._writer.write(request.encode() + b"\n")
                line = await self._reader.readline()
        except TimeoutError as late:
            self.close()
            raise FunctionTimedOut(f"Task timed out after {self._function.timeout_seconds} seconds") from late
        except (OSError, ValueError) as broken:
            self.close()
            raise FunctionCrashed(f"Runtime exited or answered too much: {broken}") from broken
        except asyncio.CancelledError:
            self.close()  # an answer that nobody waits for must not be taken for the next one's
            raise
        if not line:
            self.close()
            raise FunctionCrashed("Runtime exited without providing a reason")
        answer = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            raise FunctionFailed("".join(error["stackTrace"]).strip())
        return answer["response"]

    def close(self) -> None:
        """End the process at once."""
        self.usable = False
        self._writer.close()
        self._process.kill()

"""The embedded engine: MiniStack as a child process, up for as long as the gateway is.

Leaves which tables there are to ``tables``.
"""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infra.local.state import StateDir, StateInUse

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-ministack" / "bin" / "python"
ALL_SERVICES = "dynamodb,dynamodbstreams,sqs,ssm"
BUT_DYNAMODB = "sqs,ssm"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02


class EngineError(Exception):
    """The engine can't be started; the message says what to do."""


@contextmanager
def embedded_engine(
    state: StateDir, say: Callable[[str], None], services: str = ALL_SERVICES
) -> Iterator[str]:
    """Serve MiniStack from the state folder; the value is its URL, on a free port of 127.0.0.1.

    ``say`` is told what takes time. Raises EngineError.
    """
    if not PYTHON.exists():
        raise EngineError(
            "MiniStack is not installed here, and the gateway needs it for its queue at least. "
            "Run `make install`."
        )
    state.engine.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    with _lock(state, say) as lock, (state.engine / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [PYTHON, Path(__file__).with_name("engine_child.py")],
            cwd=state.engine,
            env=_environment(state.engine, port, services),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            # The child inherits the lock: even after a kill of the gateway nobody starts another engine on
            # the same files before this one has written its own.
            pass_fds=[lock.fileno()],
            # A session of its own, so that Ctrl-C ends the gateway first and the engine after it.
            start_new_session=True,
        )
    try:
        _wait(process, port, Path(log.name))
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(process)


def _environment(folder: Path, port: int, services: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "SERVICES": services,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "PERSIST_STATE": "1",
        "STATE_DIR": str((folder / "state").resolve()),
        "TMPDIR": str(folder.resolve()),
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def _lock(state: StateDir, say: Callable[[str], None]) -> Iterator[IO[bytes]]:
    """Wait for an engine that outlived its gateway; it is writing its state and will end."""
    deadline = time.monotonic() + STOP_SECONDS
    told = False
    while True:
        try:
            lock = state.lock("engine")
        except StateInUse as busy:
            if time.monotonic() > deadline:
                raise EngineError(
                    f"The engine of an earlier run still uses {state.path} and does not end. End its "
                    "process, or use another folder with --state-dir."
                ) from busy
            if not told:
                say("Waiting for the engine of an earlier run to end...")
                told = True
            time.sleep(POLL_SECONDS)
        else:
            with lock:
                yield lock
            return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(POLL_SECONDS)  # whether another process listens can only be asked again
        else:
            return
    said = log.read_text(errors="replace").strip()
    raise EngineError(f"MiniStack did not start. It said:\n{said or '(nothing)'}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    with process:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

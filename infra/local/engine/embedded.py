"""Runs the embedded engine: MiniStack as a child process, while the gateway runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from infra.local.engine.files import keep_damaged_files
from infra.local.state import StateDir, StateInUse
from infra.ministack import MiniStackError, ministack

CHILD = Path(__file__).with_name("child.py")
ALL_SERVICES = "dynamodb,dynamodbstreams,sqs,ssm"
BUT_DYNAMODB = "sqs,ssm"
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02


class EngineError(Exception):
    """The engine can't be started, or ended by itself; the message says what to do."""


@contextmanager
def embedded_engine(
    state: StateDir, say: Callable[[str], None], services: str = ALL_SERVICES
) -> Iterator[str]:
    """Serve MiniStack from the state folder; the value is its URL, on a free port of 127.0.0.1.

    ``say`` prints what takes time, and which files of the folder can't be used. Raises EngineError,
    StateUnusable.
    """
    files = state.engine / "state"
    files.mkdir(parents=True, exist_ok=True)
    settings = {
        "SERVICES": services,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(files.resolve()),
        "LOG_LEVEL": "WARNING",
    }
    try:
        with ExitStack() as stack:
            with _lock(state, say) as lock:
                keep_damaged_files(files, say)
                # It inherits the lock: even after a kill of the gateway nobody starts another engine on the
                # same files before this one has written its own.
                engine = ministack(
                    CHILD, state.engine, state.engine / "ministack.log", settings, [lock.fileno()]
                )
                url = stack.enter_context(engine)
            yield url
    except MiniStackError as error:
        raise EngineError(str(error)) from error


def _lock(state: StateDir, say: Callable[[str], None]) -> IO[bytes]:
    """Wait for an engine that outlived its gateway; it is writing its state and will end."""
    deadline = time.monotonic() + STOP_SECONDS
    with suppress(StateInUse):
        return state.lock("engine")
    say("Waiting for the engine of an earlier run to end...")
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        with suppress(StateInUse):
            return state.lock("engine")
    raise EngineError(
        f"The engine of an earlier run still uses {state.path} and does not end. End its process, or use "
        "another folder with --state-dir."
    )

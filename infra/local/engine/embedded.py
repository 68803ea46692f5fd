"""Runs the embedded engine, MiniStack, as a child process of the gateway."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from infra.local.state import StateDir, StateInUse, StateUnusable
from infra.ministack import MiniStackError, ministack

CHILD = Path(__file__).with_name("child.py")
ALL_SERVICES = "dynamodb,dynamodbstreams,sqs,ssm"
BUT_DYNAMODB = "sqs,ssm"
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02


class EngineError(Exception):
    """The engine can't be started, or it ended by itself. The message says what to do."""


@contextmanager
def embedded_engine(
    state: StateDir,
    say: Callable[[str], None],
    services: str = ALL_SERVICES,
    ended: Callable[[], None] = lambda: None,
) -> Iterator[str]:
    """Serve MiniStack from the state folder, on a free port of 127.0.0.1. Yields its URL.

    ``say`` prints what it waits for, and which files can't be used. If MiniStack ends by itself, another
    thread calls ``ended``, and the end of the block raises EngineError. Raises EngineError and StateUnusable
    at the start too.
    """
    files = state.engine / "state"
    files.mkdir(parents=True, exist_ok=True)
    settings = {
        "SERVICES": services,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(files.resolve()),
        "LOG_LEVEL": "WARNING",
    }
    log = state.engine / "ministack.log"
    try:
        with ExitStack() as stack:
            with _lock(state, say) as lock:
                keep_damaged_files(files, say)
                # The engine inherits the lock. If the gateway is killed, no second engine starts before this
                # one has written its files.
                engine = ministack(CHILD, state.engine, log, settings, [lock.fileno()], ended)
                url = stack.enter_context(engine)
            yield url
    except MiniStackError as error:
        raise EngineError(str(error)) from error


def _lock(state: StateDir, say: Callable[[str], None]) -> IO[bytes]:
    """Take the engine's lock. If an earlier gateway was killed, wait until its engine has saved its state."""
    deadline = time.monotonic() + STOP_SECONDS
    with suppress(StateInUse):
        return state.lock("engine")
    say("Waiting for the engine of an earlier run to end...")
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        with suppress(StateInUse):
            return state.lock("engine")
    raise EngineError(
        f"The engine of an earlier run still uses {state.path} and does not end. Kill its process, or name "
        "another folder with --state-dir."
    )


def keep_damaged_files(folder: Path, say: Callable[[str], None]) -> None:
    """Rename every file that is not JSON, and say so, because MiniStack would overwrite it.

    Raises StateUnusable if this user may not read or rename a file.
    """
    for file in sorted(folder.glob("*.json")):
        try:
            json.loads(file.read_bytes())
        except (ValueError, RecursionError) as error:
            names = (file.with_name(f"{file.name}.damaged-{number}") for number in count(1))
            kept = file.rename(next(name for name in names if not name.exists()))
            say(
                f"{file} can't be read ({error}). It may have been cut off. This gateway starts without it, "
                f"and the file is kept as {kept}. If you can repair it, or have a copy: stop this gateway "
                f"with Ctrl-C, put the good file at {file}, and start again."
            )
        except OSError as denied:
            raise StateUnusable(
                f"{file} can't be read: {denied.strerror}. Change its owner, or name another folder with "
                "--state-dir."
            ) from denied

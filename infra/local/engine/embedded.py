"""Runs the embedded engine: MiniStack as a child process, while the gateway runs."""

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
    """The engine can't be started, or ended by itself; the message says what to do."""


@contextmanager
def embedded_engine(
    state: StateDir,
    say: Callable[[str], None],
    services: str = ALL_SERVICES,
    ended: Callable[[], None] = lambda: None,
) -> Iterator[str]:
    """Serve MiniStack from the state folder; the value is its URL, on a free port of 127.0.0.1.

    ``say`` prints what takes time, and which files of the folder can't be used. ``ended`` is called in
    another thread if MiniStack ends by itself. Raises EngineError, then too, and StateUnusable.
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
                # It inherits the lock: even after a kill of the gateway nobody starts another engine on the
                # same files before this one has written its own.
                engine = ministack(CHILD, state.engine, log, settings, [lock.fileno()], ended)
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


def keep_damaged_files(folder: Path, say: Callable[[str], None]) -> None:
    """Rename every file of the folder that is no JSON, and say so; MiniStack would overwrite it.

    Raises StateUnusable where a file is not this user's to read or rename.
    """
    for file in sorted(folder.glob("*.json")):
        try:
            json.loads(file.read_bytes())
        except (ValueError, RecursionError) as error:
            names = (file.with_name(f"{file.name}.damaged-{number}") for number in count(1))
            kept = file.rename(next(name for name in names if not name.exists()))
            say(
                f"{file} can't be read ({error}), perhaps because it was cut off. This gateway starts "
                f"without it. It is kept as {kept}. If it can be mended, or if you have a copy: end this "
                f"gateway with Ctrl-C, put the good one in the place of {file}, and start again."
            )
        except OSError as denied:
            raise StateUnusable(
                f"{file} can't be read: {denied.strerror}. Make it yours, or name another folder with "
                "--state-dir."
            ) from denied

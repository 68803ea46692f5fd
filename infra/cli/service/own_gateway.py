"""Runs a local gateway during a block: on a free port, with a state that is deleted afterwards."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from click import ClickException

from infra import ROOT
from infra.signals import put_off

START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05


@contextmanager
def own_gateway() -> Iterator[Path]:
    """Serve until the end of the block; yields the folder of its state. Raises ClickException."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="game-night-live-"))
        state, ready, log = Path(folder) / "state", Path(folder) / "ready.json", Path(folder) / "gateway.log"
        command = [sys.executable, "-m", "infra.cli", "serve", "--port", "0"]
        command += ["--state-dir", str(state), "--ready-file", str(ready)]
        with log.open("wb") as output, put_off():
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A session of its own, so that Ctrl-C ends what uses the gateway first.
                start_new_session=True,
            )
            stack.callback(_stop, process)
        _wait(process, ready, log)
        yield state


def _wait(process: "subprocess.Popen[bytes]", ready: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(FileNotFoundError, ValueError):
            json.loads(ready.read_text())
            return
        time.sleep(POLL_SECONDS)  # a file that another process writes can only be looked at again
    raise ClickException(f"The gateway did not start. It said:\n{log.read_text(errors='replace').strip()}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()  # not by SIGINT, which it ignores where this was started in the background
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

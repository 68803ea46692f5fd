"""Runs MiniStack as a child process during a block, on a free port of 127.0.0.1.

It has an environment of its own, since it pins botocore. The caller chooses the program and its settings.
"""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

from infra import ROOT

PYTHON = ROOT / ".venv-ministack" / "bin" / "python"
START_SECONDS = 120.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02


class MiniStackError(Exception):
    """MiniStack can't be started; the message says what to do."""


@contextmanager
def ministack(  # noqa: PLR0913, PLR0917 - the last two are the gateway's
    program: Path,
    folder: Path,
    log: Path,
    settings: Mapping[str, str],
    inherited: Sequence[int] = (),
    ended: Callable[[], None] = lambda: None,
) -> Iterator[str]:
    """Run a program that serves MiniStack in a folder, with these settings; the value is its URL.

    It holds the files ``inherited`` open while it runs. It stops when its standard input ends, and so with
    this process. ``ended`` is called in another thread if it ends by itself. Raises MiniStackError if it
    can't start, and at the end of the block if it ended by itself.
    """
    if not PYTHON.exists():
        raise MiniStackError("MiniStack is not installed here. Run `make install`.")
    port = _free_port()
    surroundings = {"PATH": os.environ.get("PATH", os.defpath), "TMPDIR": str(folder.resolve())}
    address = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PYTHON, program],
            cwd=folder,
            env={**surroundings, **address, **settings},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=inherited,
            # A session of its own, so that Ctrl-C first ends what uses it.
            start_new_session=True,
        )
    try:
        _wait(process, port, log)
        Thread(target=_watch, args=(process, ended), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is not None:  # whatever failed, failed because of it
                raise MiniStackError(
                    f"MiniStack ended by itself, with status {process.returncode}, and what uses it can't go "
                    f"on: what was stored last may be lost. Start again; {log} may say why."
                )
    finally:
        stop(process)


def _watch(process: "subprocess.Popen[bytes]", ended: Callable[[], None]) -> None:
    process.wait()
    if process.stdin is not None and not process.stdin.closed:  # it was not told to stop
        ended()


def _free_port() -> int:
    """Return a free port below those that systems assign, so that MiniStack gets it."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
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
    raise MiniStackError(f"MiniStack did not start. It said:\n{said or '(nothing)'}")


def stop(process: "subprocess.Popen[Any]") -> None:
    """Stop a child by closing its standard input; kill it if it takes too long."""
    with process:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

"""The local gateway as tests have it: a process of its own, on a free port, with a folder for its state.

It is known by its command line and its addresses only: nothing of the product is imported.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from infra.dynamodb_local import dynamodb_local
from tests.leaks import LEAKS

ROOT = Path(__file__).parent.parent
SECRETS = "token-secrets.json"
"""The file of the state folder that no log may have anything of."""
START_SECONDS = 120.0
STOP_SECONDS = 120.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is up. ``dynamodb_url`` and ``sqs_url`` are its engines, ``log`` what it has printed.

    ``state`` is the folder that it was given, ``network_url`` where other devices reach it, if they may.
    """

    rest_url: str
    websocket_url: str
    dynamodb_url: str
    sqs_url: str
    token_command: tuple[str, ...]
    log: Path
    state: Path
    process: "subprocess.Popen[bytes]"
    network_url: str | None = None

    @property
    def port(self) -> str:
        """The port of its addresses."""
        return self.rest_url.removesuffix("/api").rpartition(":")[2]

    def logged(self, start: int = 0) -> list[str]:
        """Return the lines that it has printed, from a byte of its log on, but for one that is half written.

        They end with a line feed and nothing else: what people have typed may hold any other of Unicode's.
        """
        return self.log.read_bytes()[start:].rpartition(b"\n")[0].decode().split("\n")

    def token(self, role: str) -> str:
        """Mint a token, as somebody at a terminal would."""
        command = [*self.token_command, "--role", role]
        minted = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        LEAKS.remember(minted, "a minted token")
        return minted

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and wait until it is gone."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it as a power cut would: it and all that it has started, without any warning."""
        _kill_group(self.process)


@contextmanager
def gateway_engine(folder: Path) -> Iterator[dict[str, str]]:
    """Start an engine whose tables are empty; the value is the environment of a gateway on it.

    Two gateways on the same tables would post to each other's clients, find them gone, and forget them.
    """
    if "DYNAMODB_ENDPOINT" in os.environ:
        with dynamodb_local(folder / "database") as url:
            yield {"AWS_ENDPOINT_URL_DYNAMODB": url}
    else:
        yield {"AWS_ENDPOINT_URL_DYNAMODB": ""}  # every gateway starts an embedded one of its own


@contextmanager
def running_gateway(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """Run a gateway that keeps its state in a folder; nothing of it is left at the end of the block.

    Started again on the same folder it finds what it had. Raises AssertionError with its output where it does
    not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "state"
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    log = folder / "gateway.log"
    command = [sys.executable, "-m", "infra.cli", "serve", "--port", "0"]
    command += ["--ready-file", str(ready), "--state-dir", str(state)]
    with log.open("ab") as output:
        # A session of its own: so it can be ended together with its children, and only with them.
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        urls = _ready(process, ready, log)
        LEAKS.remember_file(state / SECRETS)
        mint = (sys.executable, "-m", "infra.cli", "token", "--stage", "local", "--state-dir", str(state))
        yield Gateway(**urls, token_command=mint, log=log, state=state, process=process)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)
    finally:
        _kill_group(process)
        LEAKS.remember_file(state / SECRETS)
        LEAKS.look_into(folder)


def _ready(process: "subprocess.Popen[bytes]", ready: Path, log: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urls: dict[str, str] = json.loads(ready.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(POLL_SECONDS)  # a file that another process writes can only be looked at again
        else:
            return urls
    raise AssertionError(f"The local gateway did not start. Its output:\n{log.read_text()}")


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

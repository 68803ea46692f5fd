"""The two servers that are compared, each a process: ours as `make run` starts it, and one in Node.js."""

import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import jwt

from tests.gateway import running_gateway

NODE = Path(__file__).parent / "node"
INSTALLED = Path(__file__).parent.parent.parent / ".local" / "bench-node"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is up."""

    rest_url: str
    websocket_url: str
    token: Callable[[str], str]


@contextmanager
def ours(folder: Path) -> Iterator[Server]:
    """Run the local gateway."""
    with running_gateway(folder) as gateway:
        yield Server(gateway.rest_url, gateway.websocket_url, gateway.token)


@contextmanager
def one_process(folder: Path) -> Iterator[Server]:
    """Run the conventional server. Raises ClickException where Node.js is missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise click.ClickException("The comparison needs Node.js with npm: `apt-get install nodejs npm`.")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "server.js"):
        shutil.copy(NODE / name, INSTALLED / name)
    subprocess.run([npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=INSTALLED, check=True)
    secret = secrets.token_hex(32)

    def token(role: str) -> str:
        now = int(time.time())
        return jwt.encode({"sub": role, "role": role, "iat": now, "exp": now + 3600}, secret, "HS256")

    folder.mkdir(parents=True, exist_ok=True)
    command = [node, "server.js", str(folder / "sessions.db"), secret]
    with subprocess.Popen(
        command, cwd=INSTALLED, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield Server(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/api/sessions/live", token)
        finally:
            process.stdin.close()

"""Runs commands in the copy of the project, as a person would type them."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click import ClickException

from infra.deploy.output import Progress
from infra.deploy.rehearse.account import Account
from infra.deploy.stage import Stage

STAGE = Stage("rehearsal")
ARCHITECTURE = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
DELIVERY_SECONDS = 60.0
"""How long the functions may take to do something, on a busy machine."""

PROCESSOR = ("--architecture", ARCHITECTURE[platform.machine()])
"""The option that builds for this machine."""


class RehearsalFailed(ClickException):
    """Something would have gone wrong on AWS; the message says what."""


def must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise RehearsalFailed if something does not hold."""
    if not holds:
        raise RehearsalFailed(otherwise[0].upper() + otherwise[1:])


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal in ``project``, the copy, whose commands reach ``account`` and are shown by ``progress``.

    ``user`` is the environment that says whose commands they are.
    """

    account: Account
    project: Path
    progress: Progress
    user: Mapping[str, str]

    def gamenight(self, *arguments: str, expect: int | None = 0, answer: str = "") -> str:
        """Run one of our commands for the stage, see ``run``."""
        return self.run(["-m", "infra.cli", *arguments, "--stage", STAGE.name], expect, answer)

    def asked(self, *arguments: str) -> Any:
        """Run one of our commands with --json, and return the object that it prints in the end."""
        said = self.gamenight(*arguments, "--json")
        return json.loads(re.split(r"^(?=\{)", said, flags=re.MULTILINE)[-1])

    def run(self, arguments: list[str], expect: int | None = 0, answer: str = "") -> str:
        """Run Python in the copy, show what it says, and return it.

        ``answer`` is typed where it asks; ``expect`` is its exit status, None any. Raises RehearsalFailed at
        another.
        """
        shown = " ".join(["python", *arguments]).replace(sys.executable, "python")
        self.progress.detail(f"$ {shown.replace('python -m infra.cli', 'gamenight')}")
        with subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.project,
            env={**os.environ, **self.user},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A group of its own, so that it can be ended together with what it has started.
            start_new_session=True,
        ) as process:
            lines = []
            try:
                if process.stdin:
                    process.stdin.write(answer)
                    process.stdin.close()
                for line in process.stdout or ():
                    lines.append(line)
                    self.progress.detail(f"  {line.rstrip()}")
                status = process.wait()
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        if expect is not None and status != expect:
            log = "\n".join(self.account.log().splitlines()[-40:])
            raise RehearsalFailed(f"It ended with {status}, not {expect}. The functions said last:\n{log}")
        return "".join(lines)

    def start_night(self) -> int:
        """Start a night and return its id."""
        return int(self.asked("night", "start")["id"])

    def token(self) -> str:
        """Return a new token of an admin."""
        return self.gamenight("token", "--role", "admin").strip()

    def urls(self) -> tuple[str, str]:
        """Return where the REST API is, ending in ``/api``, and where clients connect."""
        rest, websocket = re.findall(r"(https?://\S+/api|wss?://\S+)", self.gamenight("stage", "status"))[:2]
        return rest, websocket

"""A copy of the project as its reader has it: what is installed is there, and `make run` runs in a terminal.

What is typed in it writes into the copy. Leaves what is typed to the tests.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from infra.deploy.rehearse.sandbox import copy
from tests.gateway import POLL_SECONDS, ROOT, SECRETS
from tests.leaks import LEAKS

SECONDS = 90
INSTALLED = {
    ".venv": Path(sys.prefix),
    ".venv-ministack": ROOT / ".venv-ministack",
    ".venv-bench": Path(
        sys.prefix
    ),  # its own packages are imported where something is measured, and nothing is
}
STAMPS = (".check", ".installed", ".run", ".test")
"""What the Makefile has in an environment once a file of requirements is installed there."""
ELSEWHERE = ("AWS_", "DYNAMODB_", "GAMENIGHT_", "GATEWAY_", "MAKE", "MFLAGS")
"""How variables begin that would send a command elsewhere than somebody's who has only the documents."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """The copy in ``folder``."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a terminal has after ``. .venv/bin/activate``."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
        path = f"{self.folder / '.venv' / 'bin'}{os.pathsep}{inherited['PATH']}"
        return {**inherited, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}

    def here(self, command: str) -> str:
        """Return a command as it is typed where the gateway has another port, and one night."""
        address = self.url.removeprefix("http://")
        return re.sub(r"\btrace \d+/\d+", "trace 1/1", command.replace("localhost:5000", address))

    @property
    def url(self) -> str:
        """Where the gateway serves that was started here last."""
        addresses = json.loads((self.folder / ".local" / "state" / "addresses.json").read_text())
        return str(addresses["rest_url"])

    def with_more(self, command: str, more: str) -> str:
        """Return a command with more behind it; behind what `make` would run where that runs something."""
        if more and command.startswith("make "):
            recipe = self.typed(command.replace("make ", "make -n ", 1)).stdout
            command = next(line for line in recipe.splitlines() if " -m " in line)
        return command + more

    def typed(self, command: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
        """Type a command, and an answer where it asks; return what came of it when it has ended."""
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            cwd=self.folder,
            env=self.environment,
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        for token in re.findall(r"eyJ[\w.-]+", done.stdout):
            LEAKS.remember(token, "a token that was printed for whoever asked")
        return done

    @contextmanager
    def terminal(self, command: str) -> Iterator["Terminal"]:
        """Start a command that goes on until Ctrl-C, which comes at the end of the block."""
        log = self.folder.with_suffix(f".{command.rsplit(maxsplit=1)[-1]}.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A session of its own, as a terminal has it: so Ctrl-C goes to all that it has started.
                start_new_session=True,
            )
        try:
            yield Terminal(process, log)
            os.killpg(process.pid, signal.SIGINT)
            process.wait(SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            LEAKS.look(log.read_text(), f"what `{command}` printed")

    @contextmanager
    def serving(self, command: str) -> Iterator[str]:
        """Have a gateway run that a command starts; the value is its URL."""
        try:
            with self.terminal(f"{command} PORT=0") as gateway:
                gateway.shows('"notes": "Friday Game Night"')  # the last that it prints
                yield self.url
        finally:
            LEAKS.remember_file(self.folder / ".local" / "state" / SECRETS)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a command runs, and what it has printed until now."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def shows(self, wanted: str) -> str:
        """Return the line that has a text, once it has been printed."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            over = self.process.poll() is not None
            for line in self.log.read_text().splitlines():
                if wanted in line:
                    return line
            if over:
                break
            time.sleep(POLL_SECONDS)  # a file that another process writes can only be looked at again
        raise AssertionError(f"{wanted!r} was to come, but all that came was:\n{self.log.read_text()}")


def checkout(folder: Path) -> Checkout:
    """Copy the project into a folder, with what is installed for it."""
    copy(ROOT, folder)
    for name, environment in INSTALLED.items():
        # Links, but for what says when it was installed: so `make` finds nothing to install.
        (folder / name).mkdir()
        for each in ("bin", "include", "lib", "lib64", "pyvenv.cfg"):
            if (environment / each).exists():
                (folder / name / each).symlink_to(environment / each)
        for stamp in STAMPS:
            (folder / name / stamp).touch()
    (folder / ".venv-uv" / "bin").mkdir(parents=True)
    (folder / ".venv-uv" / "bin" / "uv").touch()
    return Checkout(folder)

"""The terminal of a rehearsal: commands as a person would type them, in the copy of the project.

Leaves which commands to whoever rehearses something, and the account that they reach to ``account``.
"""

import os
import platform
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from click import ClickException

from infra.deploy.progress import Progress
from infra.deploy.rehearse.account import Account
from infra.deploy.stage import Stage

STAGE = Stage("rehearsal")
ARCHITECTURE = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
COMMAND_SECONDS = 1800.0
"""How long the longest command may take, the conformance suite on a machine that others use too."""
DELIVERY_SECONDS = 60.0
"""How long what the functions are to do may take, on a busy machine."""


class RehearsalFailed(ClickException):
    """What would have gone wrong on AWS; the message says what."""


def must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise RehearsalFailed where something does not hold."""
    if not holds:
        raise RehearsalFailed(otherwise[0].upper() + otherwise[1:])


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal in ``project``, the copy, whose commands reach ``account`` and are shown by ``progress``."""

    account: Account
    project: Path
    progress: Progress
    typed: list[tuple[str, ...]] = field(default_factory=list)
    """Our commands that have been run, each as the words behind ``python -m infra``."""

    @property
    def shape(self) -> tuple[str, ...]:
        """The options of the first deployment: stage, processor, and what is not a new stage's anyway."""
        return "--stage", STAGE.name, *self.processor, "--log-retention-days", "7", "--account-rate", "20000"

    @property
    def processor(self) -> tuple[str, str]:
        """The option that builds for this machine."""
        return "--architecture", ARCHITECTURE[platform.machine()]

    def infra(self, *arguments: str, expect: int | None = 0, answer: str = "") -> str:
        """Run one of our commands, see ``run``."""
        self.typed.append(arguments)
        return self.run([sys.executable, "-m", "infra", *arguments], expect, answer)

    def run(self, command: list[str], expect: int | None = 0, answer: str = "") -> str:
        """Run a command in the copy, show what it says, and return it.

        ``answer`` is typed where it asks; ``expect`` is its status, None any. Raises RehearsalFailed where it
        is another.
        """
        self.progress.detail(
            "$ " + " ".join(["python", *command[1:]] if command[0] == sys.executable else command)
        )
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GAMENIGHT_"))
        }
        with subprocess.Popen(
            command,
            cwd=self.project,
            env={
                **inherited,
                **self.account.environment,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A group of its own, so that it can be ended together with what it has started.
            start_new_session=True,
        ) as process:
            limit = threading.Timer(COMMAND_SECONDS, _kill, [process])
            limit.start()
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
                _kill(process)
                raise
            finally:
                limit.cancel()
        said = "".join(lines)
        if expect is not None and status != expect:
            log = self.account.log().splitlines()[-40:]
            raise RehearsalFailed(
                f"It ended with {status}, not {expect}. The functions said last:\n" + "\n".join(log)
            )
        return said


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

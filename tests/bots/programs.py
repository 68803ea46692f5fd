"""Bots as processes of their own, started as their authors would."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.bots.listening import PATIENCE_SECONDS
from tests.gateway import ROOT
from tests.leaks import LEAKS

BOTS = ROOT / "bots"


@dataclass(slots=True)
class Program:
    """A bot that runs, and what it has printed that nobody has asked for yet."""

    process: Process
    printed: list[str] = field(default_factory=list)

    async def prints(self, wanted: str) -> str:
        """Return a line that holds a text, once it has been printed; each line is returned once."""
        stdout = self.process.stdout
        assert stdout is not None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (found := next((line for line in self.printed if wanted in line), None)) is None:
                    line = await stdout.readline()
                    if not line:
                        break
                    self.printed.append(line.decode().rstrip("\n"))
                    LEAKS.look(self.printed[-1], "what a bot printed")
        except TimeoutError:
            found = None
        if found is None:
            raise AssertionError(
                "\n".join([f"{wanted!r} was to come, but all that came was:", *self.printed])
            )
        self.printed.remove(found)
        return found

    async def ends(self) -> tuple[int, str]:
        """Return its exit status and what it printed last."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            printed, _ = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, printed.decode()


@asynccontextmanager
async def running(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path
) -> AsyncIterator[Program]:
    """Run a program until the end of the block, in a folder of its own."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1", **environment},
        start_new_session=True,  # so that a shell is ended together with what it has started
    )
    try:
        yield Program(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        printed, _ = await process.communicate()
        LEAKS.look(printed.decode(errors="replace"), "what a bot printed last")


def python(program: str, *arguments: str) -> list[str | Path]:
    """Return the command line of a bot in Python."""
    return [sys.executable, BOTS / program, *arguments]

"""The seed's programs as processes of their own: what they print, and the frames that they get.

The programs stand in ``programs/`` as the seed shows them; its text has lost the indentation, which is put
back. What differs when they run is the address and the token.
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.clients import PATIENCE_SECONDS, Target

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs."""

    process: Process

    async def prints(self, line: str) -> None:
        """Wait until it prints a line that is or holds the given one."""
        await _line_of(self.process.stdout, line)

    async def gets(self, frame: str) -> None:
        """Wait until it gets a frame that holds the given text."""
        await _line_of(self.process.stderr, frame)


@asynccontextmanager
async def running(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[Program]:
    """Run a program until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env={**os.environ, **environment}
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def program(name: str, target: Target, token: str) -> str:
    """Return a program's text with the target's address and a token filled in."""
    text = (PROGRAMS / name).read_text()
    for shown, used in (
        ("ws://localhost:5000/api/sessions/live", target.websocket_url),
        ("http://localhost:5000", target.rest_url),
        ("<your-jwt-token>", token),
        ("your-jwt-token", token),
    ):
        text = text.replace(shown, used)
    return text


async def _line_of(stream: asyncio.StreamReader | None, wanted: str) -> None:
    assert stream is not None
    passed = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in stream:
                passed.append(line.decode().rstrip("\n"))
                if wanted in passed[-1]:
                    return
    except TimeoutError:
        pass
    raise AssertionError("\n".join([f"{wanted!r} was to come, but all that came was:", *passed]))

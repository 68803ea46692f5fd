"""Keeps the log in the gateway's folder for ``gamenight stage trace``: bounded, and read as lines.

Every process appends to it by itself (``chalicelib.logs``), and reopens it at the next line after a rename.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_BYTES = 32 * 1024 * 1024
"""About 60,000 lines. There are two files of this size at most, and what is written in a moment."""

LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LogFile:
    """The file at ``path``; the one before it has ``.1`` at the end of its name."""

    path: Path
    most_bytes: int = MOST_BYTES

    @property
    def before(self) -> Path:
        """The file before this one, which is full."""
        return self.path.with_name(f"{self.path.name}.1")

    async def keep_bounded(self) -> None:
        """Begin a new file whenever this one is full, until cancelled."""
        while True:
            self.turn_over()
            await asyncio.sleep(LOOK_SECONDS)

    def turn_over(self) -> None:
        """Begin a new file if this one is full."""
        if self.path.exists() and self.path.stat().st_size >= self.most_bytes:
            self.path.replace(self.before)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of the log, oldest first, without incomplete ones, as after a power cut."""
        for path in filter(Path.exists, (self.before, self.path)):
            with path.open(encoding="utf-8", errors="replace") as file:
                for text in file:
                    with suppress(ValueError):
                        if isinstance(line := json.loads(text), dict):
                            yield line

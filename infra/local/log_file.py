"""Bounds the log file in the gateway's folder, and reads its lines for ``gamenight stage trace``.

Every process appends to the file itself (``chalicelib.logs``). After a rename it opens the new file when it
writes its next line.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_BYTES = 32 * 1024 * 1024
"""About 60,000 lines. There are at most two files, each of about this size."""

LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LogFile:
    """The log file at ``path``. The older file has the same name with ``.1`` at the end."""

    path: Path
    most_bytes: int = MOST_BYTES

    @property
    def before(self) -> Path:
        """The older file, which is full."""
        return self.path.with_name(f"{self.path.name}.1")

    async def keep_bounded(self) -> None:
        """Start a new file whenever this one is full, until cancelled."""
        while True:
            self.turn_over()
            await asyncio.sleep(LOOK_SECONDS)

    def turn_over(self) -> None:
        """Start a new file if this one is full."""
        if self.path.exists() and self.path.stat().st_size >= self.most_bytes:
            self.path.replace(self.before)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of the log, oldest first. It skips incomplete lines, which a power cut leaves."""
        for path in filter(Path.exists, (self.before, self.path)):
            with path.open(encoding="utf-8", errors="replace") as file:
                for text in file:
                    with suppress(ValueError):
                        if isinstance(line := json.loads(text), dict):
                            yield line

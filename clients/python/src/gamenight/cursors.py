"""Keeps cursors, the places of a program in its streams, while it is not running."""

import json
import logging
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gamenight.errors import NoCursors

logger = logging.getLogger("gamenight")

STREAM = re.compile(r"sessions|session:[1-9][0-9]{0,14}")
"""What a cursor is kept under: the stream of all starts, or that of one night."""


class CursorStore(Protocol):
    """Where cursors are kept. Both methods may be async."""

    def load(self) -> Mapping[str, str] | Awaitable[Mapping[str, str]]:
        """Return what was saved last; nothing at the first start."""
        ...

    def save(self, cursors: Mapping[str, str]) -> Awaitable[None] | None:
        """Keep all cursors. Called after each event, once the program has asked for the next one."""
        ...


@dataclass(slots=True)
class MemoryCursors:
    """Cursors for as long as the process lives: breaks are survived, restarts are not."""

    cursors: dict[str, str] = field(default_factory=dict)

    def load(self) -> Mapping[str, str]:
        """Return the cursors."""
        return self.cursors

    def save(self, cursors: Mapping[str, str]) -> None:
        """Keep the cursors."""
        self.cursors = dict(cursors)


@dataclass(frozen=True, slots=True)
class FileCursors:
    """Cursors in a small JSON file, which is replaced as a whole and so is never half written."""

    path: Path

    def load(self) -> Mapping[str, str]:
        """Return what the file holds; an empty one, as a power cut leaves, is as none.

        Raises NoCursors where it holds something else: it is somebody's, and saving would replace it.
        """
        if not self.path.absolute().parent.is_dir():
            raise NoCursors(
                f"The cursors can't be kept in {self.path}: there is no folder {self.path.parent}. "
                "Make it, or name another file."
            )
        try:
            text = self.path.read_bytes().strip(b"\0 \r\n\t")
            cursors = json.loads(text or "{}")
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            raise self._not_ours() from None
        if not isinstance(cursors, dict) or not all(
            STREAM.fullmatch(stream) and isinstance(cursor, str) for stream, cursor in cursors.items()
        ):
            raise self._not_ours()
        if not text:
            logger.warning("%s is empty; starting from now on", self.path)
        return cursors

    def save(self, cursors: Mapping[str, str]) -> None:
        """Replace the file."""
        scratch = self.path.with_name(f"{self.path.name}.new")
        scratch.write_text(json.dumps(cursors, indent=1))
        scratch.replace(self.path)

    def _not_ours(self) -> NoCursors:
        return NoCursors(
            f"{self.path} does not hold cursors, and is left as it is. Name another file; or remove this "
            "one, if it is a damaged one of this bot's, to start from now on."
        )

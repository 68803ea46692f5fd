"""Stores cursors, a program's position in each stream, while it is not running."""

import json
import logging
import os
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gamenight.errors import NoCursors

logger = logging.getLogger("gamenight")

STREAM = re.compile(r"sessions|session:[1-9][0-9]{0,14}")
"""The name of a cursor's stream: all starts, or one night."""


class CursorStore(Protocol):
    """Stores cursors. Both methods may be async."""

    def load(self) -> Mapping[str, str] | Awaitable[Mapping[str, str]]:
        """Return the cursors that were saved last; none at the first start."""
        ...

    def save(self, cursors: Mapping[str, str]) -> Awaitable[None] | None:
        """Keep all cursors. Called after each event, once the program has asked for the next one."""
        ...


@dataclass(slots=True)
class MemoryCursors:
    """Cursors in memory: they survive a break, but no restart."""

    cursors: dict[str, str] = field(default_factory=dict)

    def load(self) -> Mapping[str, str]:
        """Return the cursors."""
        return self.cursors

    def save(self, cursors: Mapping[str, str]) -> None:
        """Keep the cursors."""
        self.cursors = dict(cursors)


@dataclass(slots=True)
class FileCursors:
    """Cursors in a small JSON file. Saving replaces the whole file, so it is never half written.

    Use a file for one program only: two at the same time would lose events.
    """

    path: Path
    _content: bytes | None = field(default=None, init=False, repr=False)  # as it was read or written last

    def load(self) -> Mapping[str, str]:
        """Return the file's cursors; none if it is missing or empty, as after a power cut.

        Raises NoCursors if it holds something else, which saving would replace, or if its folder is missing.
        """
        if not self.path.absolute().parent.is_dir():
            raise NoCursors(
                f"The cursors can't be kept in {self.path}: there is no folder {self.path.parent}. "
                "Make it, or name another file."
            )
        self._content = self._read()
        if self._content is None:
            self._content = b""
            return {}
        text = self._content.strip(b"\0 \r\n\t")
        try:
            cursors = json.loads(text or "{}")
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
        """Replace the file. Raises NoCursors if another program has changed it, or it can't be written."""
        if self._content is not None and self._read() not in (self._content, b"", None):
            raise NoCursors(f"{self.path} is in use by another program. Name another file for this one.")
        content = json.dumps(cursors, indent=1).encode()
        scratch = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            scratch.write_bytes(content)
            scratch.replace(self.path)
        except OSError as problem:
            raise NoCursors(f"The cursors can't be kept in {self.path}: {problem.strerror}.") from problem
        self._content = content

    def _read(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def _not_ours(self) -> NoCursors:
        return NoCursors(
            f"{self.path} does not hold cursors, and is left as it is. Name another file; or remove this "
            "one, if it is a damaged one of this bot's, to start from now on."
        )

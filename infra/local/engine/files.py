"""The files of the embedded engine, looked at before it starts: what it can't read is set aside and told.

MiniStack would take such a file for none at all, and write over it when it stops. Nothing but JSON is looked
for; leaves what is in it to MiniStack, which reads one file for each service.
"""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

from infra.local.state import StateUnusable


def set_aside_what_is_damaged(folder: Path, say: Callable[[str], None]) -> None:
    """Move every file of the folder that is no JSON out of the engine's way, and say where it is now.

    The gateway starts all the same, as after any other end of the one before. Raises StateUnusable where a
    file is not this user's to read or move.
    """
    for file in sorted(folder.glob("*.json")):
        try:
            if (error := _damage(file)) is not None:
                kept = _free_name(file)
                file.rename(kept)
                say(_told(file, kept, error))
        except OSError as denied:
            raise StateUnusable(
                f"{file} can't be read or moved: {denied.strerror}. Make it yours, or name another folder "
                "with --state-dir."
            ) from denied


def _damage(file: Path) -> Exception | None:
    try:
        json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        return error
    return None


def _free_name(file: Path) -> Path:
    names = (file.with_name(f"{file.name}.damaged-{number}") for number in count(1))
    return next(name for name in names if not name.exists())


def _told(file: Path, kept: Path, error: Exception) -> str:
    return (
        f"{file} can't be read ({error}), perhaps because it was cut off. This gateway starts without what "
        f"was in it, as if that had never been. It is kept as {kept}: if it can be mended, or if you have a "
        f"copy, end this gateway with Ctrl-C, put the good one in the place of {file}, and start again."
    )

"""Checks the files of the embedded engine before it starts.

MiniStack would ignore a file that it can't read, and overwrite it when it stops.
"""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

from infra.local.state import StateUnusable


def keep_damaged_files(folder: Path, say: Callable[[str], None]) -> None:
    """Rename every file of the folder that is no JSON, so that the engine starts without it, and say so.

    Raises StateUnusable where a file is not this user's to read or rename.
    """
    for file in sorted(folder.glob("*.json")):
        try:
            _keep_if_damaged(file, say)
        except OSError as denied:
            raise StateUnusable(
                f"{file} can't be read or moved: {denied.strerror}. Make it yours, or name another folder "
                "with --state-dir."
            ) from denied


def _keep_if_damaged(file: Path, say: Callable[[str], None]) -> None:
    try:
        json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        names = (file.with_name(f"{file.name}.damaged-{number}") for number in count(1))
        kept = next(name for name in names if not name.exists())
        file.rename(kept)
        say(
            f"{file} can't be read ({error}), perhaps because it was cut off. This gateway starts without "
            f"what was in it. It is kept as {kept}: if it can be mended, or if you have a copy, end this "
            f"gateway with Ctrl-C, put the good one in the place of {file}, and start again."
        )

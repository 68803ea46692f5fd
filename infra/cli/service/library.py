"""The library that bots use, which the command line uses as well: one file in ``bots/``, found from here.

It knows nothing of ours and is no package of ours, so its folder is looked into as for any bot beside it.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "bots"))

from announcements import on_one_line, results, score
from gamenight import (
    CursorStore,
    Event,
    GameNight,
    GameNightError,
    MemoryCursors,
    Refused,
    Token,
    TokenRefused,
)

__all__ = [
    "CursorStore",
    "Event",
    "GameNight",
    "GameNightError",
    "MemoryCursors",
    "Refused",
    "Token",
    "TokenRefused",
    "on_one_line",
    "results",
    "score",
]

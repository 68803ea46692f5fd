"""Game Night Live for programs: every event of every night, once and in order, whatever the network does.

    async for event in GameNight("http://localhost:5000", token).events():
        print(event.type, event.data)

``gamenight.sync`` has the same without asyncio. The logger ``gamenight`` tells what the client does.
"""

from gamenight.client import GameNight
from gamenight.cursors import CursorStore, FileCursors, MemoryCursors
from gamenight.errors import GameNightError, NoCursors, Refused, TokenRefused, WrongAddress
from gamenight.events import Event
from gamenight.rest import NoRedirects
from gamenight.tokens import Token
from gamenight.waiting import Surroundings, in_a_thread

__version__ = "1.0.0"
__all__ = [
    "CursorStore",
    "Event",
    "FileCursors",
    "GameNight",
    "GameNightError",
    "MemoryCursors",
    "NoCursors",
    "NoRedirects",
    "Refused",
    "Surroundings",
    "Token",
    "TokenRefused",
    "WrongAddress",
    "in_a_thread",
]

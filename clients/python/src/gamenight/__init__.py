"""A client for Game Night Live: every event of every night, once and in order, however the network fails.

async for event in GameNight("http://localhost:5000", token).events():
    print(event.type, event.data)
"""

from gamenight.client import GameNight, join
from gamenight.cursors import CursorStore, FileCursors, MemoryCursors
from gamenight.errors import GameNightError, NoCursors, Refused, TokenRefused, WrongAddress
from gamenight.events import Event, Gap, Snapshot, UnknownEvent
from gamenight.following.follower import State
from gamenight.tokens import Token
from gamenight.types import (
    ActiveSession,
    CountedVote,
    EndedSession,
    Game,
    GameAdded,
    GameRemoved,
    Invite,
    Joined,
    Session,
    SessionEnded,
    SessionStarted,
    SessionWithGames,
    StartedSession,
    StoredVote,
    TalliedGame,
    Totals,
    VoteReceived,
    VoteType,
    VoteWithdrawn,
)
from gamenight.waiting import Surroundings, in_a_thread

__version__ = "0.1.0"
__all__ = [
    "ActiveSession",
    "CountedVote",
    "CursorStore",
    "EndedSession",
    "Event",
    "FileCursors",
    "Game",
    "GameAdded",
    "GameNight",
    "GameNightError",
    "GameRemoved",
    "Gap",
    "Invite",
    "Joined",
    "MemoryCursors",
    "NoCursors",
    "Refused",
    "Session",
    "SessionEnded",
    "SessionStarted",
    "SessionWithGames",
    "Snapshot",
    "StartedSession",
    "State",
    "StoredVote",
    "Surroundings",
    "TalliedGame",
    "Token",
    "TokenRefused",
    "Totals",
    "UnknownEvent",
    "VoteReceived",
    "VoteType",
    "VoteWithdrawn",
    "WrongAddress",
    "in_a_thread",
    "join",
]

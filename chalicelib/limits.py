"""Every number that bounds what a client may send or get, in one place.

The specifications and the checks in ``api`` read them from here.
"""

MAX_NOTES_CHARACTERS = 500
"""The limit of the protocol."""

MAX_TITLE_CHARACTERS = 200
MAX_PACK_NAME_CHARACTERS = 200
MAX_PLAYERS = 1000
"""The largest ``min_players`` and ``max_players``; the smallest is 1."""

MAX_USERNAME_CHARACTERS = 80
"""Chats allow 32 or fewer. A voter is a part of a sort key, which has 1,024 bytes at most: NFC makes at
most 12 bytes of one character, so that 80 always fit."""

MAX_GAMES = 1000
"""In one session, so that a session with its games is always well below the 6 MB of a Lambda answer.
Removed games count: their items are read, and their ids kept, as long as the session's."""

FRAMES_PER_SECOND = 10
SECONDS_OF_FRAMES_AT_ONCE = 10
"""Of one connection: who comes back sends ``auth`` and a ``subscribe`` for each of its sessions in one go,
and may have to do so again."""

MIN_TOKEN_SECONDS = 60
ADMIN_TOKEN_SECONDS = 12 * 60 * 60
"""What an admin's token is good for where nobody says: the evening, and the night after it."""
MAX_ADMIN_TOKEN_SECONDS = 24 * 60 * 60
"""Of one that is printed: what leaks from a screen or a shell's history is not good for long."""
HOST_TOKEN_SECONDS = 31 * 24 * 60 * 60
"""Of one that a link signed in, which no screen shows: a host who comes back next week is signed in still."""
GUEST_TOKEN_SECONDS = 24 * 60 * 60
"""The night, and the morning after it, when its results are looked at."""
BOT_TOKEN_SECONDS = 7 * 24 * 60 * 60
"""What a bot's token is good for where nobody says."""
MAX_TOKEN_SECONDS = 366 * 24 * 60 * 60
"""A bot that is set up once a year keeps its token over the year."""

MIN_INVITE_SECONDS = 1
MAX_INVITE_SECONDS = 7 * 24 * 60 * 60
"""Of a night's code, which is good no longer than its night; a festival takes a week."""
HOST_INVITE_SECONDS = 10 * 60
CODE_CHARACTERS = 7
"""25 letters make six billion codes: all attempts of a day try one in four thousand of them."""
HOST_CODE_CHARACTERS = 24
"""Nobody types it: 111 random bits."""
MAX_CODE_CHARACTERS = 64
"""Of what is typed, with spaces and hyphens."""
ATTEMPTS_A_MINUTE = 1000
ATTEMPTS_A_MINUTE_OF_ONE_SOURCE = 200
"""To join, right codes and wrong ones: a hall full of guests has one address."""

MAX_SUBJECT_CHARACTERS = 128

MAX_SUBSCRIPTIONS = 50
"""Of one connection. With its head and the audience of all they fit into one transaction, so that a token is
renewed everywhere or nowhere."""

MAX_BODY_BYTES = 32 * 1024
"""Of a REST request, as of a frame. The largest that says anything has about 6 KB."""

MAX_ID = 2**53
"""The largest integer that every JSON reader reads exactly."""

DEFAULT_PAGE = 50
MAX_PAGE = 100
"""Of ``limit``; the most keys of one BatchGetItem."""

EVENT_RETENTION_SECONDS = 90 * 24 * 60 * 60
"""How long the log can be replayed: a season of game nights."""

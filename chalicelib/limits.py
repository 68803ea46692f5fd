"""Defines every limit on what a client may send or get.

The specifications and the checks in ``api`` read them from here.
"""

MAX_NOTES_CHARACTERS = 500
"""The limit of the protocol."""

MAX_TITLE_CHARACTERS = 200
MAX_PACK_NAME_CHARACTERS = 200
MAX_PLAYERS = 1000
"""The largest ``min_players`` and ``max_players``; the smallest is 1."""

MAX_USERNAME_CHARACTERS = 80
"""Chats allow 32 or fewer. A voter's name is part of a sort key, which has 1,024 bytes at most. NFC makes at
most 12 bytes of one character, so 80 always fit."""

MAX_GAMES = 1000
"""Of one session: its answer with all games stays well below Lambda's 6 MB. Removed games count: their items
are read, and their ids kept, as long as the session exists."""

FRAMES_PER_SECOND = 10
SECONDS_OF_FRAMES_AT_ONCE = 10
"""Of one connection: a client that reconnects sends ``auth`` and a ``subscribe`` for each of its sessions at
once, and may have to repeat them."""

MIN_TOKEN_SECONDS = 60
ADMIN_TOKEN_SECONDS = 12 * 60 * 60
"""The default life of an admin's token: the evening, and the night after it."""
MAX_ADMIN_TOKEN_SECONDS = 24 * 60 * 60
"""Of a printed token: one that leaks from a screen or a shell's history expires soon."""
HOST_TOKEN_SECONDS = 31 * 24 * 60 * 60
"""Of a token from a sign-in link, which no screen shows: next week the host is still signed in."""
GUEST_TOKEN_SECONDS = 24 * 60 * 60
"""The night, and the morning after it, when guests look at the results."""
BOT_TOKEN_SECONDS = 7 * 24 * 60 * 60
"""The default life of a bot's token."""
MAX_TOKEN_SECONDS = 366 * 24 * 60 * 60
"""A bot that is set up once a year keeps its token over the year."""

MIN_INVITE_SECONDS = 1
MAX_INVITE_SECONDS = 7 * 24 * 60 * 60
"""Of a night's code, which ends with its night at the latest. A festival takes a week."""
HOST_INVITE_SECONDS = 10 * 60
CODE_CHARACTERS = 7
"""25 letters make six billion codes: a day's attempts try one in four thousand of them."""
HOST_CODE_CHARACTERS = 24
"""111 random bits, since nobody types this code."""
MAX_CODE_CHARACTERS = 64
"""Of a code as it is typed, with spaces and hyphens."""
ATTEMPTS_A_MINUTE = 1000
ATTEMPTS_A_MINUTE_OF_ONE_SOURCE = 200
"""Of joining, with right and wrong codes. A hall full of guests shares one address."""

MAX_SUBJECT_CHARACTERS = 128

MAX_SUBSCRIPTIONS = 50
"""Of one connection. They fit into one transaction with the connection's head and its row in the audience of
all, so a token is renewed everywhere or nowhere."""

MAX_BODY_BYTES = 32 * 1024
"""Of a REST request or a frame. The largest valid one has about 6 KB."""

MAX_ID = 2**53
"""The largest integer that every JSON reader reads exactly."""

DEFAULT_PAGE = 50
MAX_PAGE = 100
"""Of ``limit``; the most keys of one BatchGetItem."""

EVENT_RETENTION_SECONDS = 90 * 24 * 60 * 60
"""How long events can be replayed: a season of game nights."""

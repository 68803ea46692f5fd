"""The keys of both tables. Zeros make the order of the text the order of the numbers."""

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:  # delivery, which imports this module when it is cold, answers no request
    from chalicelib.idempotency import IdempotentRequest

SESSIONS = "sessions"
"""The partition of what is true of all sessions."""

HEAD = "head"
LAST_EVENT = "event#9999999999"
"""Not below any event's sort key."""


def session_key(session_id: int) -> str:
    """Return the partition of a session."""
    return f"session#{session_id}"


def active_key(session_id: int) -> str:
    """Return the sort key, in ``sessions``, that is there as long as a session is active."""
    return f"active#{session_id:010}"


def event_key(sequence: int) -> str:
    """Return the sort key of an event."""
    return f"event#{sequence:010}"


def game_key(game_id: int) -> str:
    """Return the sort key of a game."""
    return f"game#{game_id:04}"


def vote_key(game_id: int, voter: str) -> str:
    """Return the sort key of a vote."""
    return f"vote#{game_id:04}#{voter}"


def connection_key(connection_id: str) -> str:
    """Return the partition of a connection."""
    return f"connection#{connection_id}"


def audience_key(audience: str, shard: int) -> str:
    """Return the partition of one shard of an audience."""
    return f"audience#{audience}#{shard}"


def queued_key(audience: str) -> str:
    """Return the partition that says whether an audience's stream has jobs on the queue."""
    return f"queued#{audience}"


def progress_key(job: str) -> str:
    """Return the partition that says how far a job has come."""
    return f"progress#{job}"


def deadline_key(minute: int, shard: int) -> str:
    """Return the partition of one shard of the deadlines that are due in a minute, counted from 1970."""
    return f"deadline#{minute}#{shard}"


SWEPT = "swept"
"""The partition that says up to which minute nothing is left to do."""


def ballots_key(session_id: int) -> str:
    """Return the partition of a session's ballot box."""
    return f"ballots#{session_id}"


def ballot_key(left_at: int, ballot_id: str) -> str:
    """Return the sort key of a ballot left at a Unix millisecond: what has waited longest comes first."""
    return f"{left_at:014}#{ballot_id}"


def idempotency_key(request: "IdempotentRequest") -> str:
    """Return the partition of an idempotency key. The subject is quoted: it can't reach into the key."""
    return f"idempotency#{quote(request.subject, safe='')}#{request.key}"

"""The keys of both tables. Zeros make the order of the text the order of the numbers."""

from urllib.parse import quote

from chalicelib.domain.idempotency import IdempotentRequest

SESSIONS = "sessions"
"""The partition of what is true of all sessions."""

HEAD = "head"


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


def idempotency_key(request: IdempotentRequest) -> str:
    """Return the partition of an idempotency key. The subject is quoted: it can't reach into the key."""
    return f"idempotency#{quote(request.subject, safe='')}#{request.key}"

"""Renders and parses the keys of both tables. Leading zeros make texts sort as numbers."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from chalicelib.nights.events import SESSIONS_STREAM

if TYPE_CHECKING:  # a cold start of delivery imports this module, but handles no requests
    from chalicelib.idempotency import IdempotentRequest

SESSIONS = SESSIONS_STREAM
"""The partition of items about all sessions."""

HEAD = "head"
LAST_EVENT = "event#9999999999"
"""The highest sort key of an event."""


def session_key(session_id: int) -> str:
    """Return the partition of a session."""
    return f"session#{session_id}"


def stream_key(stream: str) -> str:
    """Return the partition of a stream's log."""
    return SESSIONS if stream == SESSIONS_STREAM else stream.replace(":", "#")


def stream_of(partition: str) -> str:
    """Return the name of the stream whose log is in a partition."""
    return SESSIONS_STREAM if partition == SESSIONS else partition.replace("#", ":")


def active_key(session_id: int) -> str:
    """Return the sort key in ``sessions`` of the item that exists while a session is active."""
    return f"active#{session_id:010}"


def event_key(sequence: int) -> str:
    """Return the sort key of an event."""
    return f"event#{sequence:010}"


def sequence_of(sort_key: str) -> int:
    """Return the sequence of an event's sort key. Raises ValueError if there is none."""
    return int(sort_key.removeprefix("event#"))


def game_key(game_id: int) -> str:
    """Return the sort key of a game."""
    return f"game#{game_id:04}"


def vote_key(game_id: int, voter: str) -> str:
    """Return the sort key of a vote."""
    return f"vote#{game_id:04}#{voter}"


def guest_key(voter: str) -> str:
    """Return the sort key of a session's guest."""
    return f"guest#{voter}"


def invite_key(digest: str) -> str:
    """Return the partition of an invite."""
    return f"invite#{digest}"


def attempts_key(minute: int) -> str:
    """Return the partition of the attempts to join in a minute, counted from 1970."""
    return f"attempts#{minute}"


def revoked_key(subject: str) -> str:
    """Return the partition of a subject's revocation."""
    return f"revoked#{subject}"


def subject_key(subject: str) -> str:
    """Return the partition of a subject's connections, whose sort keys are their ids."""
    return f"subject#{subject}"


def connection_key(connection_id: str) -> str:
    """Return the partition of a connection."""
    return f"connection#{connection_id}"


def audience_key(stream: str, shard: int) -> str:
    """Return the partition of one shard of a stream's audience."""
    return f"audience#{stream}#{shard}"


def fan_out_key(stream: str) -> str:
    """Return the partition of a stream's delivery progress."""
    return f"fan_out#{stream}"


def deadline_key(minute: int, shard: int) -> str:
    """Return the partition of one shard of the deadlines that are due in a minute, counted from 1970."""
    return f"deadline#{minute}#{shard}"


SWEPT = "swept"
"""The partition of the last swept minute."""


PENDING = "pending#"


def pending_key(session_id: int) -> str:
    """Return the partition of a session's pending votes, whose sort keys are their ids."""
    return f"{PENDING}{session_id}"


def idempotency_key(request: "IdempotentRequest") -> str:
    """Return the partition of an idempotency key. The subject is quoted: it can't contain "#"."""
    return f"idempotency#{quote(request.subject, safe='')}#{request.key}"

"""Which session an action is about."""

from collections.abc import Sequence

from chalicelib.nights.events import session_stream
from tests.model.night import Night
from tests.model.world.interruptions import Interruption

Interruptions = Sequence[Interruption]


def session_of(night: Night, back: int) -> int:
    """Return the id of the newest session, or of one so many further back."""
    return night.ledger.sessions - back % max(night.ledger.sessions, 1)


def session_id_of(stream: str) -> int:
    """Return the session that a stream is of."""
    return int(stream.partition(":")[2])


def stream_of(night: Night, back: int) -> str:
    """Return the name of that session's stream."""
    return session_stream(session_of(night, back))

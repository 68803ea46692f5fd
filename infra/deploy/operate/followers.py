"""Delivers again what was given up, and disconnects everyone.

A redelivery marks all followers as behind from its first event, and they are caught up from the log. So they
get in order what they lack, and some get an event twice.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.connections.connection import Recipient
from chalicelib.connections.ports import ConnectionStore, Push
from chalicelib.delivery.failures import Failures
from chalicelib.delivery.ports import Audiences
from chalicelib.gather import gather
from chalicelib.limits import MAX_PAGE
from chalicelib.nights.events import SESSIONS_STREAM, Event, EventType, session_stream
from chalicelib.nights.ports import EventLog, SessionStore
from chalicelib.nights.sessions import Session

CONCURRENCY = 32
"""How many connections are closed at once."""


async def pages_of(audiences: Audiences, stream: str, shards: int) -> AsyncIterator[Sequence[Recipient]]:
    """Yield a stream's whole audience, page by page. Raises Unavailable."""
    for shard in range(shards):
        after: str | None = None
        while True:
            page = await audiences.page(stream, shard, after)
            yield page.recipients
            if page.next_after is None:
                break
            after = page.next_after


def all_sessions(store: SessionStore, newest: int) -> Iterator[Session]:
    """Yield the sessions up to the newest. Raises Unavailable."""
    for start in range(0, newest, MAX_PAGE):
        yield from store.sessions(start, min(MAX_PAGE, newest - start))


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Delivers again what is in the log."""

    audiences: Audiences
    failures: Failures
    sessions: SessionStore
    log: EventLog
    shards: int

    async def deliver(self, events: Iterable[Event]) -> None:
        """Catch up all followers of each stream, from the first of its events on. Raises Unavailable."""
        first: dict[str, Event] = {}
        newest: dict[str, Event] = {}
        for event in sorted(events, key=lambda event: event.sequence):
            first.setdefault(event.stream, event)
            newest[event.stream] = event
        for stream, event in newest.items():
            async for page in pages_of(self.audiences, stream, self.shards):
                # A client that joined between the two lacks what is after its position.
                live = [one for one in page if one.behind is None and one.position < event.sequence]
                await self.failures.fall_behind(event, live, first[stream].sequence)
                await self.failures.note(event, [one for one in page if one.behind is not None])

    def logged(self, since: str, until: str) -> Iterator[Event]:
        """Yield the events that were logged between two timestamps, by stream. Raises Unavailable."""
        for session in all_sessions(self.sessions, self.sessions.head().sequence):
            if session.created_at <= until and (session.ended_at or until) >= since:
                yield from self._logged(session_stream(session.id), since, until)
        yield from self._logged(SESSIONS_STREAM, since, until)

    def _logged(self, stream: str, since: str, until: str) -> Iterator[Event]:
        after = 0
        while events := self.log.events(stream, after, MAX_PAGE):
            for event in events:
                own_start = stream != SESSIONS_STREAM and event.type is EventType.SESSION_STARTED
                if not own_start and since <= json.loads(event.envelope)["timestamp"] <= until:
                    yield event
            after = events[-1].sequence


async def disconnect_all(
    audiences: Audiences, connections: ConnectionStore, push: Push, shards: int
) -> tuple[int, int]:
    """Close and remove the connections of all who have authenticated. Raises Unavailable.

    Returns how many were closed, and how many could not be.
    """
    closed = failed = 0
    async for page in pages_of(audiences, SESSIONS_STREAM, shards):
        for start in range(0, len(page), CONCURRENCY):
            some = page[start : start + CONCURRENCY]
            answers = await gather(push.disconnect(one) for one in some)
            gone = [one.connection_id for one, done in zip(some, answers, strict=True) if done]
            # $disconnect removes them as well, but only as a rule.
            await gather(asyncio.to_thread(connections.remove, one) for one in gone)
            closed += len(gone)
            failed += len(some) - len(gone)
    return closed, failed

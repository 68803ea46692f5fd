"""Delivers events after all that were given up. For operators.

All followers fall behind from the first of them and are caught up from the log. So they get what they lack in
order, and some get again what they had.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chalicelib.delivery.failures import Failures
from chalicelib.delivery.ports import Audiences
from chalicelib.limits import MAX_PAGE
from chalicelib.nights.events import SESSIONS_STREAM, Event, EventType, session_stream
from chalicelib.nights.ports import EventLog, SessionStore
from infra.deploy.operate.disconnect_all import pages_of


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Delivers again what is in the log."""

    audiences: Audiences
    failures: Failures
    sessions: SessionStore
    log: EventLog
    shards: int

    async def deliver(self, events: Iterable[Event]) -> None:
        """Catch up all followers of the events' streams, from the first event of each. Raises Unavailable."""
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
        newest = self.sessions.head().sequence
        for start in range(0, newest, MAX_PAGE):
            for session in self.sessions.sessions(start, min(MAX_PAGE, newest - start)):
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

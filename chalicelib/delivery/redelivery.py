"""Events that were given up, delivered after all: by jobs, as those of a large audience are.

For an operator: nothing that is deployed calls it. Leaves which events they are to ``infra.operations``.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.connections.messages import audience_of
from chalicelib.delivery.ports import Audiences
from chalicelib.delivery.routing import Queued, Queueing
from chalicelib.limits import MAX_PAGE
from chalicelib.nights.events import Event
from chalicelib.nights.ports import EventLog, SessionStore
from chalicelib.nights.sessions import Session


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Delivers again what is in the log."""

    audiences: Audiences
    queueing: Queueing
    sessions: SessionStore
    log: EventLog

    async def deliver(self, events: Sequence[Event]) -> None:
        """Put the jobs of events on the queue, in the order given. Raises Unavailable.

        Whoever is in the audience gets the event, also those who had it; a job that is done already is not
        done again. They come after what has followed them, as a replay does, and nothing is posted past the
        jobs that were waiting before.
        """
        for event in events:
            mark = await self.audiences.queue_mark(audience_of(event))
            await self.queueing.queue(event, Queued(mark))

    def logged(self, since: str, until: str) -> Iterator[Event]:
        """Yield the events that were logged between two timestamps, by session. Raises Unavailable."""
        head = self.sessions.head()
        for start in range(0, head.sequence, MAX_PAGE):
            for session in self.sessions.sessions(start, min(MAX_PAGE, head.sequence - start)):
                if session.created_at <= until and (session.ended_at or until) >= since:
                    for event in self._night(session, head.epoch):
                        if since <= json.loads(event.envelope)["timestamp"] <= until:
                            yield event

    def _night(self, session: Session, epoch_of_starts: str) -> Iterator[Event]:
        after = 0
        while events := self.log.events(session.id, after, MAX_PAGE):
            for event in events:
                placed = event.in_epoch(session.epoch)
                yield placed.in_epoch_of_starts(epoch_of_starts) if placed.sessions_cursor else placed
            after = events[-1].cursor.sequence

"""Delivers one event to a part of its audience: posts to live connections, and notes it for those behind."""

import asyncio
from collections.abc import Sequence

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import Outcome, message_of
from chalicelib.connections.ports import Push
from chalicelib.delivery.failures import Failures
from chalicelib.nights.events import Event


class Deliver:
    """Posts events, and hands failed posts to ``Failures``."""

    def __init__(self, push: Push, failures: Failures) -> None:
        self._push = push
        self._failures = failures

    async def to(self, recipients: Sequence[Recipient], event: Event, first: int, deadline: float) -> Outcome:
        """Deliver an event. ``deadline`` is in ``loop.time()`` seconds.

        ``first`` is the sequence of the first event that the recipients may lack. Live recipients that lack
        an earlier event fall behind; the event is posted to the others. Raises Unavailable: then retry the
        event.
        """
        behind = [one for one in recipients if one.behind is not None]
        live = [one for one in recipients if one.behind is None and one.position < event.sequence]
        if behind:
            live += await self._failures.note(event, behind)
        if first < event.sequence:
            ready = event.sequence - 1
            await self._failures.fall_behind(event, [one for one in live if one.position < ready], first)
            live = [one for one in live if one.position == ready]
        within = max(deadline - asyncio.get_running_loop().time(), 0.0)
        outcome = await self._push.send(message_of(event), live, within=within)
        await self._failures.handle(event, outcome)
        return outcome

"""Renders pages of streams as JSON text."""

import json
from typing import TYPE_CHECKING

from chalicelib.nights.events import Event
from chalicelib.nights.sessions import Session
from chalicelib.nights.streams import Page

if TYPE_CHECKING:
    from chalicelib import answers

COMPACT = (",", ":")
"""The separators of the envelopes and of Chalice's own answers."""


def sessions_page(page: Page[Session]) -> str:
    """Return the answer to ``GET /api/sessions``. A client asks again until a page is empty."""
    nights = [session.as_state() for session in page.entries]
    told: answers.SessionsPage = {"sessions": nights, "cursor": str(page.cursor), "recovered": page.recovered}
    return json.dumps(told, ensure_ascii=False, separators=COMPACT)


def events_page(page: Page[Event]) -> str:
    """Return the answer to ``GET /api/sessions/{id}/events``.

    The events are inserted as the same bytes that were sent live.
    """
    events = ",".join(event.with_place for event in page.entries)
    rest = {"cursor": str(page.cursor), "recovered": page.recovered, "more": page.more}
    return f'{{"events":[{events}],{json.dumps(rest, separators=COMPACT)[1:]}'

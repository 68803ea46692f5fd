"""A timeline for a person, and for a program."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import click

from infra.trace.timeline import Hop, Timeline

SHORT = 13
"""What is shown of an id: enough to search for, and a line stays a line."""


def as_text(timeline: Timeline) -> str:
    """Return the timeline as lines for a terminal."""
    event = timeline.event
    lines = [
        click.style(f"{event['event_type']}, event {event['event']}", bold=True)
        + f" (cursor {event['cursor']})",
        f"made at {event.get('event_timestamp', 'a time that the lines do not say')}",
        "",
        f"{'ms after':>10}  {'function':<12}  what",
        *(_line(hop) for hop in timeline.hops),
        "",
        f"Delivered to {timeline.delivered}.",
        *timeline.notes,
    ]
    return "\n".join(lines)


def as_json(timeline: Timeline) -> str:
    """Return all of it as one JSON object."""
    return json.dumps(asdict(timeline), ensure_ascii=False, indent=2)


def _line(hop: Hop) -> str:
    ids = ", ".join(_ids(hop))
    return f"{hop.milliseconds:>10}  {hop.function:<12}  {hop.what}" + (
        click.style(f"  ({ids})", dim=True) if ids else ""
    )


def _ids(hop: Hop) -> Iterator[str]:
    if hop.hop in ("answered", "appended"):
        yield f"request {hop.ids.get('request_id', '')[:SHORT]}"
    if hop.hop in ("received", "posted"):
        yield f"invocation {hop.ids.get('invocation_id', '')[:SHORT]}"

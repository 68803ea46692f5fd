"""A timeline for a person, and for a program."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import click

from infra.deploy.trace.timeline import Stage, Timeline

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
        *(_line(stage) for stage in timeline.stages),
        "",
        f"Delivered to {timeline.delivered}.",
        *timeline.notes,
    ]
    return "\n".join(lines)


def as_json(timeline: Timeline) -> str:
    """Return all of it as one JSON object."""
    return json.dumps(asdict(timeline), ensure_ascii=False, indent=2)


def _line(stage: Stage) -> str:
    ids = ", ".join(_ids(stage))
    return f"{stage.milliseconds:>10}  {stage.function:<12}  {stage.what}" + (
        click.style(f"  ({ids})", dim=True) if ids else ""
    )


def _ids(stage: Stage) -> Iterator[str]:
    if stage.stage in ("answered", "appended"):
        yield f"request {stage.ids.get('request_id', '')[:SHORT]}"
    if stage.stage in ("received", "posted"):
        yield f"invocation {stage.ids.get('invocation_id', '')[:SHORT]}"

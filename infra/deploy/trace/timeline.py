"""Makes a timeline of the log lines about one event, and says what is missing from them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import click

from chalicelib.delivery.delivery_log import NAMED_UP_TO
from infra.deploy.trace.lines import Line

SHORT = 13
"""How much of an id is shown: enough to search for it."""

SHOWN_ID = {"answered": "request", "appended": "request", "received": "invocation", "posted": "invocation"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that happened, so many milliseconds after the event's own timestamp."""

    milliseconds: int
    function: str
    stage: str
    what: str
    ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened to an event.

    ``delivered`` counts posts, ``replayed`` counts replays, and ``named`` those of both whose connection is
    named. ``notes`` are sentences about what the lines do not show.
    """

    event: dict[str, Any]
    stages: Sequence[Stage]
    delivered: int
    replayed: int
    named: int
    notes: Sequence[str]

    def as_text(self) -> str:
        """Return it as lines for a terminal."""
        event = self.event
        title = click.style(f"{event['event_type']}, event {event['event']}", bold=True)
        lines = [
            f"{title} (cursor {event['cursor']})",
            f"made at {event.get('event_timestamp', 'an unknown time')}",
            "",
            f"{'ms after':>10}  {'function':<12}  what",
            *map(_line, self.stages),
            "",
            f"Delivered to {self.delivered} connection{'s' * (self.delivered != 1)}."
            + f" Replayed to {self.replayed}." * (self.replayed > 0),
            *self.notes,
        ]
        return "\n".join(lines)


EVENT_FIELDS = ["event", "event_type", "session_id", "stream", "sequence", "cursor", "event_timestamp"]
ID_FIELDS = ("request_id", "invocation_id", "trace_id", "connection_id", "stream_record")
IN_ORDER = ("appended", "answered", "received", "fanned_out", "delivered", "broadcast", "posted")
"""The order within one millisecond."""

SAID = {
    "appended": "committed together with the change",
    "received": "came from the table's stream as record {stream_record}",
    "fanned_out": "a large audience: {jobs} jobs will deliver it",
    "gone": "{connection_id} is gone, and is removed",
    "failed": "{connection_id} was not reached",
    "fell_behind": "{connection_id} is behind; a job will catch it up",
    "caught_up": "{connection_id} could still not be reached",
}
"""The text for a line of each stage; other lines show their message."""


def timeline_of(lines: Iterable[Line]) -> Timeline:
    """Return the timeline of lines that are all about one event, its request's answer among them."""
    ordered = sorted(lines, key=lambda line: str(line["timestamp"]))
    event: dict[str, Any] = {}
    for line in ordered:
        event |= {name: line[name] for name in EVENT_FIELDS if name in line}
    since = _moment(str(event.get("event_timestamp", ordered[0]["timestamp"])))
    stages = [stage for line in ordered for stage in _stages(line, since)]
    stages.sort(key=lambda one: (one.milliseconds, (*IN_ORDER, one.stage).index(one.stage)))
    delivered, replayed = (
        sum(line["delivered"] for line in ordered if line["stage"] == stage)
        for stage in ("posted", "caught_up")
    )
    named = sum(one.stage == "delivered" for one in stages)
    notes = [*_notes(ordered, delivered + replayed - named)]
    return Timeline(event, stages, delivered, replayed, named, notes)


def _stages(line: Line, since: float) -> Iterable[Stage]:
    function = str(line.get("function", ""))
    ids = {name: str(line[name]) for name in ID_FIELDS if name in line}
    here = round((_moment(str(line["timestamp"])) - since) * 1000)
    for connection_id, milliseconds in line.get("deliveries", {}).items():
        named = {**ids, "connection_id": connection_id}
        yield Stage(milliseconds, function, "delivered", f"delivered to {connection_id}", named)
    if line["stage"] == "caught_up" and line["delivered"]:
        yield Stage(here, function, "delivered", f"replayed to {line['connection_id']}", ids)
    elif line["stage"] != "each":
        yield Stage(here, function, line["stage"], _what(line), ids)


def _what(line: Line) -> str:
    if line["stage"] == "posted":
        return _posted(line)
    said = SAID.get(line["stage"], "{message}").format_map(line)
    if line["stage"] == "answered" and "subject" in line:
        said += f", sent by {line['subject']}"
    return f"{said}: {line['reason']}" if "reason" in line else said


def _posted(line: Line) -> str:
    part = f" of shard {line['shard']}" if "shard" in line else ""
    others = [f", {line[name]} {name}" for name in ("gone", "failed", "expired", "retried") if line[name]]
    text = f"posted to {line['delivered']} of {line['audience']}{part} in {line['duration_ms']} ms"
    return text + "".join(others)


def _notes(lines: Sequence[Line], unnamed: int) -> Iterable[str]:
    stages = [line["stage"] for line in lines]
    if "appended" not in stages:
        yield (
            "No line says that it was committed: its function was killed before it logged that, or these "
            "lines are no longer kept."
        )
    if "received" not in stages:
        yield (
            "The stream has not handed it over yet, or that line has not arrived. Ask again in a moment. "
            "If it never comes: on AWS, `gamenight stage status` shows whether anything reads the stream."
        )
    elif not {"posted", "fanned_out"} & {*stages}:
        yield "Its broadcast has not ended yet, or failed. It comes again; ask again in a moment."
    shards = {line["shard"] for line in lines if "shard" in line}
    jobs = max((line["jobs"] for line in lines if line["stage"] == "fanned_out"), default=0)
    if len(shards) < jobs:
        yield f"{jobs - len(shards)} of {jobs} jobs have posted nothing yet."
    if stages.count("received") > 1:
        yield f"The stream handed it over {stages.count('received')} times, so some may have had it twice."
    reached = {line["connection_id"] for line in lines if line["stage"] in ("caught_up", "gone")}
    behind = {line["connection_id"] for line in lines if line["stage"] == "fell_behind"} - reached
    if behind:
        yield f"Not caught up so far: {', '.join(sorted(behind))}."
    if unnamed > 0:
        yield (
            f"{unnamed} deliveries are counted and not named. In audiences above {NAMED_UP_TO}, lines name "
            "only whom they did not reach, unless LOG_LEVEL is DEBUG."
        )


def _line(stage: Stage) -> str:
    text = f"{stage.milliseconds:>10}  {stage.function:<12}  {stage.what}"
    if kind := SHOWN_ID.get(stage.stage):
        text += click.style(f"  ({kind} {stage.ids.get(f'{kind}_id', '')[:SHORT]})", dim=True)
    return text


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

"""Finds the log lines about an event: in the local gateway's file, or in the log groups of the functions.

The fields are those that ``chalicelib.delivery.delivery_log`` puts into every line about an event.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from botocore.exceptions import ClientError
from click import ClickException

from infra.deploy.output import code_of
from infra.deploy.stage import Stage
from infra.local.log_file import LogFile

Line = Mapping[str, Any]
"""A line of a log, as ``chalicelib.logs`` renders it."""

PLACE = re.compile(r"([0-9]{1,12})/([0-9]{1,12})")
CURSOR = re.compile(r"[0-9A-Za-z_-]{1,64}:[0-9]{1,12}")

FUNCTIONS = ("api_handler", "broadcast", "deliver")
"""Those that an event passes through."""

AROUND_SECONDS = 60
"""A request is answered within this time of its event's commit: API Gateway gives up after 29 s."""

TELLS = "`GET /api/sessions/{id}/events` tells whether there is such an event."


class NotTraceable(ClickException):
    """An event can't be followed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Query:
    """Selects lines by a field: an event's by ``event``, such as ``17/3``, or by ``cursor``.

    ``session`` is 0 where it does not matter.
    """

    field: str
    value: str
    session: int = 0

    @classmethod
    def parse(cls, text: str, session: int = 0) -> Self:
        """Return what somebody typed. Raises NotTraceable."""
        if session and (place := PLACE.fullmatch(text)):
            raise NotTraceable(f"Give {text}, or {place[2]} with --night {session}, not both.")
        of_session = session and text.isascii() and text.isdigit()
        if place := PLACE.fullmatch(f"{session}/{text}" if of_session else text):
            return cls("event", f"{int(place[1])}/{int(place[2])}", session)
        if CURSOR.fullmatch(text):
            return cls("cursor", text, session)
        raise NotTraceable(
            f"{text!r} is no event. Name its night and its number in it, such as 17/3, or a cursor that a "
            "client was given, such as 8a4cf59e:3. The first event of a night is its start: 17/1."
        )

    def is_in(self, line: Line) -> bool:
        """Say whether a line has this field, and is of this session."""
        return line.get(self.field) == self.value and self.session in (0, line.get("session_id"))


@dataclass(frozen=True, slots=True)
class LocalLog:
    """What a gateway on this machine has logged."""

    file: LogFile

    def find(self, _field: str, _value: str, _near: str = "") -> Iterable[Line]:
        """Return all lines: there are not many."""
        return self.file.lines()

    def nothing_found(self, name: str) -> str:
        """Return what to tell whoever asked for an event that no line is about."""
        if not self.file.path.exists():
            return (
                f"No gateway has logged anything in {self.file.path.parent} yet. Start one with `make run`, "
                "name its folder with --state-dir, or name a stage on AWS with --stage."
            )
        since = next(iter(self.file.lines()), {}).get("timestamp", "nothing")
        return (
            f"No line in {self.file.path} is about {name}. The file goes back to {since}; what happened "
            f"before is not kept. {TELLS}"
        )


@dataclass(frozen=True, slots=True)
class CloudWatchLogs:
    """What a stage's functions have logged in the last hours. ``now`` gives Unix seconds."""

    client: Any
    stage: Stage
    hours: float
    now: Callable[[], float] = time.time

    def find(self, field: str, value: str, near: str = "") -> Iterator[Line]:
        """Yield the lines with this field, or only REST's near a time. Raises NotTraceable without logs."""
        since, window = self.now() - self.hours * 3600, {}
        if near:
            since = datetime.fromisoformat(near).timestamp() - AROUND_SECONDS
            window = {"endTime": int((since + 2 * AROUND_SECONDS) * 1000)}
        for function in ("api_handler",) if near else FUNCTIONS:
            group = self.stage.log_group(function)
            pages = self.client.get_paginator("filter_log_events").paginate(
                logGroupName=group,
                filterPattern=f'{{ $.{field} = "{value}" }}',
                startTime=int(since * 1000),
                **window,
            )
            try:
                for event in (one for page in pages for one in page["events"]):
                    with suppress(ValueError):  # Lambda itself writes other lines
                        if isinstance(line := json.loads(event["message"]), dict):
                            yield line
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                raise NotTraceable(
                    f"There is no log group {group} here. `gamenight stage status --stage {self.stage.name}` "
                    "tells whether the stage is deployed in this account and Region."
                ) from error

    def nothing_found(self, name: str) -> str:
        """Return what to tell whoever asked for an event that no line is about."""
        return (
            f"No line of the last {self.hours:g} hours is about {name}, in {self.stage.name}. --hours looks "
            "further back, as far as logs are kept. Lines take some seconds to arrive in CloudWatch. "
            f"{TELLS}"
        )


def lines_about(wanted: Query, source: LocalLog | CloudWatchLogs) -> list[Line]:
    """Return all lines about an event, and about its request's answer. Raises NotTraceable."""

    def stages_of(query: Query, near: str = "") -> list[Line]:
        lines = source.find(query.field, query.value, near)
        return [line for line in lines if query.is_in(line) and "stage" in line]

    found = stages_of(wanted)
    if not found:
        raise NotTraceable(source.nothing_found(wanted.value))
    start = str(found[0]["event"])
    if wanted.field == "cursor" and start.endswith("/1"):  # it is in two streams, with a cursor in each
        others = stages_of(Query("event", start))
        found += [line for line in others if line["stream"] != found[0]["stream"]]
    for stream in {line["stream"] for line in found}:
        cursors = sorted({str(line["cursor"]) for line in found if line["stream"] == stream})
        if len(cursors) > 1:  # the tables were made again in between
            raise NotTraceable(f"{wanted.value} was more than one event. Name one: {', '.join(cursors)}.")
    for line in [one for one in found if one["stage"] == "appended" and "request_id" in one][:1]:
        of_request = stages_of(Query("request_id", line["request_id"]), line["timestamp"])
        found += [one for one in of_request if one["stage"] == "answered"]
    return found

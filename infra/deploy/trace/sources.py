"""Where log lines are kept: the local gateway's file, or the functions' log groups in CloudWatch."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError

from infra.deploy.errors import code_of
from infra.deploy.stage import Stage
from infra.deploy.trace.query import Line, NotTraceable, Query
from infra.local.log_file import LogFile

FUNCTIONS = ("api_handler", "broadcast", "deliver")
"""Those that an event passes through."""

AROUND_SECONDS = 60
"""How far from an event's commit its request was answered at the latest: API Gateway gives up after 29 s."""


class Source(Protocol):
    """Log lines. Both methods may return lines that are about something else too."""

    def about(self, wanted: Query) -> Iterable[Line]:
        """Return the lines about an event. Raises NotTraceable where there are no logs at all."""
        ...

    def of_request(self, request_id: str, near: str) -> Iterable[Line]:
        """Return the lines of a REST request, about the time of ``near``, a timestamp."""
        ...

    def nothing_found(self, wanted: Query) -> str:
        """Return what to tell whoever asked for an event that no line is about."""
        ...


def lines_about(wanted: Query, source: Source) -> list[Line]:
    """Return all lines about an event, with the answer to the request that led to it. Raises NotTraceable."""
    found = _stages_of(wanted, source)
    if not found:
        raise NotTraceable(source.nothing_found(wanted))
    start = str(found[0]["event"])
    if wanted.cursor and start.endswith("/1"):  # it is in two streams, with a cursor in each
        others = _stages_of(Query(place=start), source)
        found += [line for line in others if line["stream"] != found[0]["stream"]]
    for stream in {line["stream"] for line in found}:
        cursors = sorted({str(line["cursor"]) for line in found if line["stream"] == stream})
        if len(cursors) > 1:  # the tables were made again in between
            raise NotTraceable(f"{wanted.name} was more than one event. Name one: {', '.join(cursors)}.")
    committed = next((line for line in found if line["stage"] == "appended" and "request_id" in line), None)
    if committed is None:
        return found
    request_id = committed["request_id"]
    answers = source.of_request(request_id, committed["timestamp"])
    return [
        *found,
        *(one for one in answers if one.get("request_id") == request_id and one.get("stage") == "answered"),
    ]


def _stages_of(wanted: Query, source: Source) -> list[Line]:
    return [line for line in source.about(wanted) if wanted.is_in(line) and "stage" in line]


@dataclass(frozen=True, slots=True)
class LocalLog:
    """What a gateway on this machine has logged."""

    file: LogFile

    def about(self, wanted: Query) -> Iterable[Line]:  # noqa: ARG002 - all there is, and it is not much
        """See the port."""
        return self.file.lines()

    def of_request(self, request_id: str, near: str) -> Iterable[Line]:  # noqa: ARG002 - likewise
        """See the port."""
        return self.file.lines()

    def nothing_found(self, wanted: Query) -> str:
        """See the port."""
        if not self.file.path.exists():
            return (
                f"No gateway has logged anything in {self.file.path.parent} yet. Start one with `make run`, "
                "name its folder with --state-dir, or name a stage on AWS with --stage."
            )
        return (
            f"No line in {self.file.path} is about {wanted.name}. The file goes back to "
            f"{next(iter(self.file.lines()), {}).get('timestamp', 'nothing')}; what happened before is not "
            "kept. `GET /api/sessions/{id}/events` tells whether there is such an event."
        )


@dataclass(frozen=True, slots=True)
class CloudWatchLogs:
    """What a stage's functions have logged in the last hours.

    ``client`` is the SDK's, ``now`` gives Unix seconds.
    """

    client: Any
    stage: Stage
    hours: float
    now: Callable[[], float] = time.time

    def about(self, wanted: Query) -> Iterable[Line]:
        """See the port."""
        since = self.now() - self.hours * 3600
        return [line for name in FUNCTIONS for line in self._lines(name, wanted.pattern, since)]

    def of_request(self, request_id: str, near: str) -> Iterable[Line]:
        """See the port."""
        around = datetime.fromisoformat(near).timestamp()
        pattern = f'{{ $.request_id = "{request_id}" }}'
        return self._lines("api_handler", pattern, around - AROUND_SECONDS, around + AROUND_SECONDS)

    def nothing_found(self, wanted: Query) -> str:
        """See the port."""
        return (
            f"No line of the last {self.hours:g} hours is about {wanted.name}, in {self.stage.name}. --hours "
            "looks further back, as far as logs are kept. Lines take some seconds to arrive in CloudWatch. "
            "`GET /api/sessions/{id}/events` tells whether there is such an event."
        )

    def _lines(
        self, function: str, pattern: str, since: float, until: float | None = None
    ) -> Sequence[dict[str, Any]]:
        window = {"startTime": int(since * 1000)} | ({"endTime": int(until * 1000)} if until else {})
        group = self.stage.log_group(function)
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=pattern, **window
        )
        try:
            return [line for page in pages for event in page["events"] if (line := _line(event["message"]))]
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            raise NotTraceable(
                f"There is no log group {group} here. `python -m infra status --stage {self.stage.name}` "
                "tells whether the stage is deployed in this account and Region."
            ) from error


def _line(message: str) -> dict[str, Any] | None:
    """Return a message as a line of ours; None where Lambda itself wrote it."""
    try:
        line = json.loads(message)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None

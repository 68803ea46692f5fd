"""Where log lines are kept: the local gateway's file, or the functions' log groups in CloudWatch."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
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

TELLS = "`GET /api/sessions/{id}/events` tells whether there is such an event."


class Source(Protocol):
    """Log lines."""

    def find(self, field: str, value: str, near: str = "") -> Iterable[Line]:
        """Return the lines with this field, and perhaps others.

        ``near`` is a timestamp: then only REST's lines about that time are wanted. Raises NotTraceable where
        there are no logs at all.
        """
        ...

    def nothing_found(self, name: str) -> str:
        """Return what to tell whoever asked for an event that no line is about."""
        ...


def lines_about(wanted: Query, source: Source) -> list[Line]:
    """Return all lines about an event, with the answer to the request that led to it. Raises NotTraceable."""
    found = _stages_of(wanted, source)
    if not found:
        raise NotTraceable(source.nothing_found(wanted.value))
    start = str(found[0]["event"])
    if wanted.field == "cursor" and start.endswith("/1"):  # it is in two streams, with a cursor in each
        others = _stages_of(Query("event", start), source)
        found += [line for line in others if line["stream"] != found[0]["stream"]]
    for stream in {line["stream"] for line in found}:
        cursors = sorted({str(line["cursor"]) for line in found if line["stream"] == stream})
        if len(cursors) > 1:  # the tables were made again in between
            raise NotTraceable(f"{wanted.value} was more than one event. Name one: {', '.join(cursors)}.")
    committed = next((line for line in found if line["stage"] == "appended" and "request_id" in line), None)
    if committed:
        request = committed["request_id"]
        answers = source.find("request_id", request, committed["timestamp"])
        found += [
            one for one in answers if one.get("request_id") == request and one.get("stage") == "answered"
        ]
    return found


def _stages_of(wanted: Query, source: Source) -> list[Line]:
    lines = source.find(wanted.field, wanted.value)
    return [line for line in lines if wanted.is_in(line) and "stage" in line]


@dataclass(frozen=True, slots=True)
class LocalLog:
    """What a gateway on this machine has logged."""

    file: LogFile

    def find(self, field: str, value: str, near: str = "") -> Iterable[Line]:  # noqa: ARG002 - it is not much
        """See the port."""
        return self.file.lines()

    def nothing_found(self, name: str) -> str:
        """See the port."""
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
    """What a stage's functions have logged in the last hours.

    ``client`` is the SDK's, ``now`` gives Unix seconds.
    """

    client: Any
    stage: Stage
    hours: float
    now: Callable[[], float] = time.time

    def find(self, field: str, value: str, near: str = "") -> Iterator[Line]:
        """See the port."""
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
                yield from (line for page in pages for one in page["events"] if (line := _line(one)))
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                raise NotTraceable(
                    f"There is no log group {group} here. `gamenight stage status --stage {self.stage.name}` "
                    "tells whether the stage is deployed in this account and Region."
                ) from error

    def nothing_found(self, name: str) -> str:
        """See the port."""
        return (
            f"No line of the last {self.hours:g} hours is about {name}, in {self.stage.name}. --hours looks "
            "further back, as far as logs are kept. Lines take some seconds to arrive in CloudWatch. "
            f"{TELLS}"
        )


def _line(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return a message as a line of ours; None where Lambda itself wrote it."""
    try:
        line = json.loads(event["message"])
    except ValueError:
        return None
    return line if isinstance(line, dict) else None

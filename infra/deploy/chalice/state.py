"""Corrects Chalice's record of what it has deployed.

Chalice writes ``.chalice/deployed/STAGE.json`` at the end of a deployment, and knows its APIs and mappings
only from there. After a failure half way, or on another machine, it would make them a second time. So before
each deployment they are looked up on AWS and recorded in Chalice's format.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from infra.deploy.aws import Aws, wait, when_free
from infra.deploy.output import Progress
from infra.deploy.stage import APP_NAME, Stage

LOOKED_UP = frozenset(
    {"lambda_function", "rest_api", "websocket_api", "dynamodb_event", "sqs_event", "cloudwatch_event"}
)
"""The kinds of entries that are looked up; those of other kinds stay as Chalice wrote them."""

SETTLED_WITHIN = 300.0
"""Seconds. On AWS an event source mapping takes half a minute to be made, changed or deleted."""

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChaliceState:
    """The record of a stage in the project at ``project``."""

    project: Path
    stage: Stage

    @property
    def path(self) -> Path:
        """Where Chalice reads it."""
        return self.project / ".chalice" / "deployed" / f"{self.stage.name}.json"

    def entries(self) -> list[Entry]:
        """Return what is recorded; nothing where there is no record, or a damaged one."""
        try:
            entries: list[Entry] = json.loads(self.path.read_text())["resources"]
        except (FileNotFoundError, ValueError, KeyError):
            return []
        return entries

    def value(self, kind: str, name: str) -> str | None:
        """Return a value of the first entry of a kind, None if there is none."""
        return next((str(one[name]) for one in self.entries() if one["resource_type"] == kind), None)

    @property
    def rest_api(self) -> str | None:
        """The REST API's id."""
        return self.value("rest_api", "rest_api_id")

    @property
    def websocket_api(self) -> str | None:
        """The WebSocket API's id."""
        return self.value("websocket_api", "websocket_api_id")

    def write(self, entries: Sequence[Entry]) -> None:
        """Record what is there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"resources": entries, "schema_version": "2.0", "backend": "api"}
        self.path.write_text(json.dumps(content, indent=2) + "\n")


def adopt(aws: Aws, record: ChaliceState, stream_arn: str, progress: Progress) -> None:
    """Record what is deployed, and delete mappings that read an older stream."""
    stage, host = record.stage, f"execute-api.{aws.region}.amazonaws.com/{record.stage.name}/"
    found = [*deployed_functions(aws, stage)]
    if rest := _one(rest_api_ids(aws, stage), record.rest_api, "REST", progress):
        found.append(_entry("rest_api", "rest_api", rest_api_id=rest, rest_api_url=f"https://{rest}.{host}"))
    if live := _one(websocket_api_ids(aws, stage), record.websocket_api, "WebSocket", progress):
        url = f"wss://{live}.{host}"
        found.append(_entry("websocket_api", "websocket_api", websocket_api_url=url, websocket_api_id=live))
    names = [rule["Name"] for rule in rules(aws, stage)]
    found += [
        _entry(name.removeprefix(f"{stage.stack}-"), "cloudwatch_event", rule_name=name) for name in names
    ]
    # One that is still being deleted would keep Chalice from making another.
    for mapping in settled_mappings(aws, stage):
        function = stage.short_name(mapping["FunctionArn"])
        entry = _mapping_entry(function, mapping)
        # Chalice keeps a mapping whatever it reads; a table that was replaced would never be heard of.
        if entry.get("stream_arn", stream_arn) != stream_arn:
            delete_mapping(aws, mapping["UUID"])
            progress.detail(f"{function} read a stream that was replaced: its mapping is removed")
        else:
            found.append(entry)
    recorded = record.entries()
    if unknown := {one["name"] for one in found} - {one["name"] for one in recorded}:
        progress.detail(f"found on AWS, though not in Chalice's record here: {', '.join(sorted(unknown))}")
    record.write([*found, *(one for one in recorded if one["resource_type"] not in LOOKED_UP)])


def recorded_or_first(recorded: str | None, found: Sequence[str]) -> str | None:
    """Choose among a stage's APIs: clients know the address of the recorded one."""
    return recorded if recorded in found else next(iter(found), None)


def deployed_functions(aws: Aws, stage: Stage) -> Iterator[Entry]:
    """Yield the functions that Chalice has made for a stage, as it records them."""
    for function in aws.pages("lambda", "list_functions", "Functions"):
        full_name: str = function["FunctionName"]
        if stage.owns(full_name):
            name = stage.short_name(full_name)
            yield _entry(name, "lambda_function", lambda_arn=function["FunctionArn"])


def mappings(aws: Aws, stage: Stage) -> list[Entry]:
    """Return a stage's event source mappings, also those of deleted functions."""
    found = aws.pages("lambda", "list_event_source_mappings", "EventSourceMappings")
    return [one for one in found if stage.owns(one["FunctionArn"].split(":")[6])]


def settled_mappings(aws: Aws, stage: Stage) -> list[Entry]:
    """Return a stage's event source mappings once none is being made, changed or deleted."""

    def look() -> list[Entry] | None:
        found = mappings(aws, stage)
        return found if {one["State"] for one in found} <= {"Enabled", "Disabled"} else None

    return wait("the event source mappings to be enabled, disabled or gone", look, within=SETTLED_WITHIN)


def delete_mapping(aws: Aws, uuid: str) -> None:
    """Delete an event source mapping, whatever is being done to it."""
    delete = partial(aws.client("lambda").delete_event_source_mapping, UUID=uuid)
    when_free(f"the event source mapping {uuid}", delete)


def rest_api_ids(aws: Aws, stage: Stage) -> list[str]:
    """Return the REST APIs that invoke the stage's function. Chalice gives those of all stages one name."""
    invokes = f":function:{stage.stack}/invocations"
    return [
        api["id"]
        for api in aws.pages("apigateway", "get_rest_apis", "items")
        if api["name"] == APP_NAME and any(invokes in uri for _, uri in rest_methods(aws, api["id"]))
    ]


def rest_methods(aws: Aws, api_id: str) -> Iterator[tuple[str, str]]:
    """Yield each route of a REST API, such as ``GET /api``, and the URI that it invokes, if any."""
    for resource in aws.pages("apigateway", "get_resources", "items", restApiId=api_id, embed=["methods"]):
        for method, one in resource.get("resourceMethods", {}).items():
            yield f"{method} {resource['path']}", one.get("methodIntegration", {}).get("uri", "")


def websocket_api_ids(aws: Aws, stage: Stage) -> list[str]:
    """Return the WebSocket APIs of a stage."""
    return [
        api["ApiId"]
        for api in aws.pages("apigatewayv2", "get_apis", "Items")
        if api["Name"] == stage.websocket_api and api["ProtocolType"] == "WEBSOCKET"
    ]


def rules(aws: Aws, stage: Stage) -> list[Entry]:
    """Return a stage's EventBridge rules, which start functions on a schedule."""
    return [*aws.pages("events", "list_rules", "Rules", NamePrefix=f"{stage.stack}-")]


def _entry(name: str, kind: str, **values: Any) -> Entry:
    return {"name": name, "resource_type": kind, **values}


def _one(found: Sequence[str], recorded: str | None, kind: str, progress: Progress) -> str | None:
    chosen = recorded_or_first(recorded, found)
    if others := ", ".join(sorted({*found} - {chosen})):
        progress.warning(f"this stage has more than one {kind} API. {chosen} is used. Not used: {others}")
    return chosen


def _mapping_entry(function: str, mapping: Entry) -> Entry:
    arn: str = mapping["EventSourceArn"]
    common = {"event_uuid": mapping["UUID"], "lambda_arn": mapping["FunctionArn"]}
    if ":sqs:" in arn:
        queue = arn.rpartition(":")[2]
        return _entry(f"{function}-sqs-event-source", "sqs_event", queue_arn=arn, queue=queue, **common)
    return _entry(f"{function}-dynamodb-event-source", "dynamodb_event", stream_arn=arn, **common)

"""Reads ``stack.yaml`` without AWS: its tables, its queues, and the text for CloudFormation.

It evaluates ``!Sub`` with parameters, and keeps CloudFormation's other functions as they are.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

STACK = Path(__file__).parent / "deploy" / "stack.yaml"
EVENTS = STACK.with_name("events.yaml")
"""The stack of a stage's event bus."""
DEPLOYER_POLICY = STACK.with_name("deployer-policy.json")
"""The rights of somebody who deploys and operates stages, see docs/deploying.md."""
EVENTS_POLICY = STACK.with_name("events-policy.json")
"""What they need besides for stages with an event bus. One policy can't hold both."""

MAX_SENT = 51_200
"""Bytes of a template that CloudFormation accepts in a request. A larger one has to be in a bucket.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as CreateTable takes it, and the attribute that its items expire by."""

    name: str
    create: Mapping[str, Any]
    ttl_attribute: str | None


@dataclass(frozen=True, slots=True)
class QueueDefinition:
    """A queue, with its attributes as CloudFormation has them.

    A message goes to ``dead_letters``, a logical name, after it was received ``receives`` times.
    """

    name: str
    attributes: Mapping[str, Any]
    dead_letters: str | None
    receives: int


def sent(stage: str, template: Path = STACK) -> str:
    """Return a template as it is sent for a stage, without comments and blank lines.

    Names are written out, since CloudFormation imports only what has a literal name.
    """
    name = r"!Sub ([\w/-]*)\$\{Stage\}([\w.-]*)$"
    text = re.sub(name, rf"\g<1>{stage}\g<2>", template.read_text(), flags=re.MULTILINE)
    return str(yaml.serialize(_composed(text), Dumper=yaml.SafeDumper, width=math.inf))


def queues(stage: str, template: Path = STACK) -> dict[str, QueueDefinition]:
    """Return the template's queues for a stage, by their logical names."""
    return {name: _queue(one) for name, one in _properties("AWS::SQS::Queue", stage, template)}


def tables(stage: str, template: Path = STACK) -> dict[str, TableDefinition]:
    """Return the template's tables for a stage, by their logical names."""
    return {name: _table(one) for name, one in _properties("AWS::DynamoDB::Table", stage, template)}


def resources(stage: str, template: Path = STACK) -> dict[str, Any]:
    """Return the template's resources for a stage, by their logical names."""
    declared: dict[str, Any] = _read(template, {"Stage": stage})["Resources"]
    return declared


def _properties(kind: str, stage: str, template: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in resources(stage, template).items():
        if resource["Type"] == kind:
            yield name, resource["Properties"]


def _table(properties: dict[str, Any]) -> TableDefinition:
    taken = ("TableName", "BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")
    create = {name: properties[name] for name in taken if name in properties}
    if "StreamSpecification" in properties:
        # CloudFormation leaves out what CreateTable asks for.
        create["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    ttl = properties.get("TimeToLiveSpecification", {})
    return TableDefinition(
        properties["TableName"], create, ttl["AttributeName"] if ttl.get("Enabled") else None
    )


def _queue(properties: dict[str, Any]) -> QueueDefinition:
    attributes = {key: properties[key] for key in properties if key not in {"QueueName", "RedrivePolicy"}}
    redrive = properties.get("RedrivePolicy")
    dead = redrive["deadLetterTargetArn"]["GetAtt"].removesuffix(".Arn") if redrive else None
    receives = redrive["maxReceiveCount"] if redrive else 0
    return QueueDefinition(properties["QueueName"], attributes, dead, receives)


def _read(template: Path, parameters: Mapping[str, str]) -> Any:
    class Loader(yaml.SafeLoader):
        pass

    def construct(loader: yaml.SafeLoader, function: str, node: yaml.Node) -> Any:
        if function == "Sub" and isinstance(node, yaml.ScalarNode):
            text = str(loader.construct_scalar(node))
            return re.sub(r"\$\{(\w+)\}", lambda found: parameters.get(found[1], found[0]), text)
        if isinstance(node, yaml.ScalarNode):
            return {function: loader.construct_scalar(node)}
        if isinstance(node, yaml.SequenceNode):
            return {function: loader.construct_sequence(node, deep=True)}
        if isinstance(node, yaml.MappingNode):
            return {function: loader.construct_mapping(node, deep=True)}
        raise TypeError(node)

    Loader.add_multi_constructor("!", construct)
    return Loader("").construct_document(_composed(template.read_text()))


@lru_cache(maxsize=4)
def _composed(text: str) -> Any:
    """Parse a template, which takes long and is the same for every stage."""
    return yaml.compose(text, yaml.SafeLoader)

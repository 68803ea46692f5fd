"""Checks calls against botocore's models of AWS's services, since the emulator accepts nearly anything.

boto3 checks names and types of its own calls. This checks lengths, patterns, values and ranges as well, and
all of this for calls without boto3. It imports nothing of the project; ``unkind`` says why.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from io import BufferedReader, BytesIO
from itertools import chain
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from botocore.exceptions import BotoCoreError
from botocore.model import OperationModel, OperationNotFoundError, ServiceModel, Shape, StructureShape
from botocore.parsers import BaseCBORParser
from botocore.session import get_session

SIGNED_AS = {
    "apigateway": ("apigateway", "apigatewayv2"),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "execute-api": ("apigatewaymanagementapi",),
    "monitoring": ("cloudwatch",),
    "states": ("stepfunctions",),
}
"""The models for the service name in a call's signature, where the two names differ."""

UNCHECKED = ("", "s3")
"""Unsigned calls are not to AWS's own APIs; S3 is only asked whether it is empty."""

NUMBERS = {"integer": int, "long": int, "float": int | float, "double": int | float}
PYTHON: Mapping[str, Any] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "blob": str | bytes,
    "boolean": bool,
    **NUMBERS,
}
"""The Python type of each of AWS's types in JSON. Timestamps have several, and are not checked."""


def problems(call: Any) -> list[str]:
    """Return what is wrong with a call, an ``unkind.Request``: texts with its service and operation."""
    if call.service in UNCHECKED:
        return []
    what = call.target or f"{call.method} {call.path}"
    try:
        operation, arguments = _read(call)
    except (LookupError, ValueError, StopIteration, OperationNotFoundError, BotoCoreError):
        return [f"{call.service}: no operation can be read from {what}"]
    shape: Shape = operation.input_shape or StructureShape("Nothing", {"members": {}})
    return [f"{call.service} {operation.name}: {one}" for one in shape_problems(shape, arguments)]


def json_problems(service: str, operation: str, arguments: Any) -> list[str]:
    """Return what is wrong with the arguments of an operation in a JSON protocol."""
    return [*shape_problems(_services(service)[0].operation_model(operation).input_shape, arguments)]


def shape_problems(shape: Any, value: Any, at: str = "") -> Iterator[str]:
    """Yield where a value, decoded from JSON, does not fit a shape; ``at`` is the value's path."""
    kind = shape.type_name
    if kind not in PYTHON or getattr(shape, "is_document_type", False):
        return
    if not isinstance(value, PYTHON[kind]) or isinstance(value, bool) != (kind == "boolean"):
        yield f"{at or 'it'} is no {kind}"
        return
    yield from _beyond_limits(shape, value, at)
    if kind == "structure":
        yield from _member_problems(shape, value, at)
    for one in value if kind == "list" else ():
        yield from shape_problems(shape.member, one, f"{at}[]")
    for name, one in value.items() if kind == "map" else ():
        yield from (*shape_problems(shape.key, name, at), *shape_problems(shape.value, one, f"{at}[]"))


def _member_problems(shape: Any, value: Mapping[str, Any], at: str) -> Iterator[str]:
    given = {name: one for name, one in value.items() if one is not None}
    members = {_name(one, name): one for name, one in shape.members.items()}
    required = {_name(shape.members[name], name) for name in shape.required_members}
    for name in sorted(required | given.keys()):
        where = f"{at}.{name}".lstrip(".")
        if name not in given:
            yield f"{where} is missing"
        elif name not in members:
            yield f"{where} is unknown"
        else:
            yield from shape_problems(members[name], given[name], where)


def _beyond_limits(shape: Any, value: Any, at: str) -> Iterator[str]:
    limits = shape.metadata
    if value not in limits.get("enum", [value]):
        yield f"{at} is {value!r}, none of {', '.join(limits['enum'])}"
    if "pattern" in limits and not _matches(limits["pattern"], value):
        yield f"{at} is {value!r}, which does not match {limits['pattern']}"
    if shape.type_name not in {"boolean", "blob"}:  # a blob is longer in JSON than it is
        size = value if isinstance(value, int | float) else len(value)
        least, most = limits.get("min", size), limits.get("max", size)
        if not least <= size <= most:
            yield f"{at} has {size}, not {least} to {most}"


def _read(call: Any) -> tuple[OperationModel, Any]:
    """Return a call's operation, and its arguments by their names in the protocol. Raises LookupError."""
    services = _services(call.service)
    if call.target:
        prefix, _, name = call.target.rpartition(".")
        service = next(one for one in services if one.metadata.get("targetPrefix") == prefix)
        return service.operation_model(name), json.loads(call.body)
    if call.path.startswith("/service/"):
        operation = services[0].operation_model(call.path.rpartition("/")[2])
        return operation, BaseCBORParser().parse_data_item(BufferedReader(BytesIO(call.body)))
    if call.body.startswith(b"Action="):
        fields = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        operation = services[0].operation_model(fields.pop("Action"))
        del fields["Version"]
        return operation, _shaped(operation.input_shape, _tree(fields))
    return _read_rest(call, services)


def _read_rest(call: Any, services: list[ServiceModel]) -> tuple[OperationModel, Any]:
    path = re.sub(
        r".*(?=/@connections)|/$", "", call.path
    )  # the emulator's path has a prefix before @connections
    found = []
    for operation, pattern, literal in chain.from_iterable(map(_routes, services)):
        match = re.fullmatch(pattern, path)
        if match and operation.http["method"] == call.method and literal.items() <= call.query.items():
            found.append((len(literal), -len(match.groups()), operation, match.groups(), literal))
    *_, operation, groups, literal = max(found, key=itemgetter(0, 1))
    names = re.findall(r"{([^}+]+)", operation.http["requestUri"])
    arguments: dict[str, Any] = dict(zip(names, groups, strict=True))
    shape: Any = operation.input_shape
    members = {_name(one, name): one for name, one in shape.members.items()} if shape else {}
    in_query = [one for one in members.values() if one.serialization.get("location") == "querystring"]
    # A map in the query takes all other names.
    others = call.query.keys() - members.keys() if any(one.type_name == "map" for one in in_query) else set()
    for name in call.query.keys() - literal.keys() - others:
        texts, one = call.query[name], members.get(name)
        arguments[name] = _shaped(one, texts if one and one.type_name == "list" else texts[0])
    if payload := shape and shape.serialization.get("payload"):
        whole = shape.members[payload].type_name == "structure"
        return operation, {**arguments, payload: json.loads(call.body) if whole else call.body}
    return operation, {**arguments, **(json.loads(call.body) if call.body else {})}


@cache
def _services(signed_for: str) -> list[ServiceModel]:
    session = get_session()
    return [session.get_service_model(name) for name in SIGNED_AS.get(signed_for, (signed_for,))]


@cache
def _routes(service: ServiceModel) -> list[tuple[OperationModel, str, dict[str, list[str]]]]:
    """Return each operation, its path's pattern, and the fixed part of its query."""
    routes = []
    for operation in map(service.operation_model, service.operation_names):
        path, _, query = operation.http["requestUri"].partition("?")
        pattern = re.sub(r"\\{[^}]+\\}", lambda one: "(.+)" if "+" in one[0] else "([^/]+)", re.escape(path))
        routes.append((operation, pattern.rstrip("/"), parse_qs(query, keep_blank_values=True)))
    return routes


def _tree(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the query protocol's fields as a tree: ``A.member.1`` is ``{"A": {"member": {"1": ...}}}``."""
    tree: dict[str, Any] = {}
    for name, text in fields.items():
        *above, last = name.split(".")
        reduce(lambda branch, part: branch.setdefault(part, {}), above, tree)[last] = text
    return tree


def _shaped(shape: Any, found: Any) -> Any:
    """Convert texts, or a tree of them, to what JSON would have; what does not fit stays as it is."""
    kind = shape.type_name if shape else ""
    if kind in {"list", "map"} and isinstance(found, dict) and not shape.serialization.get("flattened"):
        found = found.get(_name(shape.member, "member") if kind == "list" else "entry", found)
    if kind == "list" and not isinstance(found, str):
        return [_shaped(shape.member, one) for one in (found.values() if isinstance(found, dict) else found)]
    if kind == "map" and isinstance(found, dict):
        key, value = _name(shape.key, "key"), _name(shape.value, "value")
        return {one[key]: _shaped(shape.value, one[value]) for one in found.values()}
    if kind == "structure" and isinstance(found, dict):
        members = {_name(one, name): one for name, one in shape.members.items()}
        return {name: _shaped(members.get(name), one) for name, one in found.items()}
    if kind in {"list", "map", "structure"} and not found:
        return PYTHON[kind]()
    try:
        return json.loads(found) if kind in {"boolean", *NUMBERS} else found
    except ValueError:
        return found


def _name(shape: Shape, name: str) -> str:
    named: str = shape.serialization.get("name", name)
    return named


def _matches(pattern: str, value: str) -> bool:
    """Return whether a text matches, or may: the patterns are Java's, and Python can't read a few."""
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True

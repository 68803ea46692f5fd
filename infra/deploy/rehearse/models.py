"""Checks calls against botocore's models of AWS's services, since the emulator accepts nearly anything.

boto3 checks names and types of its own calls. This checks lengths, patterns, values and ranges as well, and
all of this for calls without boto3. It imports nothing of the project; ``unkind`` says why.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
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
from botocore.validate import ParamValidator

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

NUMBERS = ("integer", "long", "float", "double")


class StrictValidator(ParamValidator):
    """botocore's check of arguments, and what it leaves to AWS: values, patterns, and the upper limits."""

    VALIDATED_METADATA_ATTRS = ParamValidator.VALIDATED_METADATA_ATTRS | {"enum", "max", "pattern"}

    def problems(self, shape: Shape, arguments: Any) -> list[str]:
        """Return what is wrong with arguments that are named as boto3 names them."""
        self._beyond: list[str] = []
        return [*filter(None, self.validate(arguments, shape).generate_report().splitlines()), *self._beyond]

    def _validate(self, params: Any, shape: Any, errors: Any, name: str) -> None:
        super()._validate(params, shape, errors, name)  # type: ignore[misc] # botocore has no types
        limits, at = shape.metadata, name.lstrip(".")
        if params not in limits.get("enum", [params]):
            self._beyond.append(f"{at} is {params!r}, none of {', '.join(limits['enum'])}")
        if "pattern" in limits and isinstance(params, str) and not _matches(limits["pattern"], params):
            self._beyond.append(f"{at} is {params!r}, which does not match {limits['pattern']}")
        if isinstance(params, bool) and shape.type_name in NUMBERS:
            self._beyond.append(f"{at} is {params}, and no number")
        size = len(params) if isinstance(params, str | list | dict) else params
        if shape.type_name != "blob" and isinstance(size, int | float) and size > limits.get("max", size):
            self._beyond.append(f"{at} has {size}, and may have {limits['max']}")
        if isinstance(params, dict) and len(params) < limits.get("min", 0):  # botocore does not count a map's
            self._beyond.append(f"{at} has {len(params)}, and must have {limits['min']}")


def problems(call: Any) -> list[str]:
    """Return what is wrong with a call, an ``unkind.Request``: texts with its service and operation."""
    if call.service in UNCHECKED:
        return []
    what = call.target or f"{call.method} {call.path}"
    try:
        operation, arguments = _read(call)
    except (LookupError, ValueError, StopIteration, OperationNotFoundError, BotoCoreError):
        return [f"{call.service}: no operation can be read from {what}"]
    found = StrictValidator().problems(_input(operation), arguments)
    return [f"{call.service} {operation.name}: {one}" for one in found]


def json_problems(service: str, operation: str, arguments: Any) -> list[str]:
    """Return what is wrong with the arguments of an operation in a JSON protocol."""
    shape = _input(_services(service)[0].operation_model(operation))
    return StrictValidator().problems(shape, _named(shape, arguments))


def _input(operation: OperationModel) -> Any:
    return operation.input_shape or StructureShape("Nothing", {"members": {}})


def _read(call: Any) -> tuple[OperationModel, Any]:
    """Return a call's operation, and its arguments as boto3 names them. Raises LookupError."""
    services = _services(call.service)
    if call.target:
        prefix, _, name = call.target.rpartition(".")
        service = next(one for one in services if one.metadata.get("targetPrefix") == prefix)
        operation = service.operation_model(name)
        return operation, _named(_input(operation), json.loads(call.body))
    if call.path.startswith("/service/"):
        operation = services[0].operation_model(call.path.rpartition("/")[2])
        found = BaseCBORParser().parse_data_item(BufferedReader(BytesIO(call.body)))
        return operation, _named(_input(operation), found)
    if call.body.startswith(b"Action="):
        fields = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
        operation = services[0].operation_model(fields.pop("Action"))
        del fields["Version"]
        return operation, _named(_input(operation), _tree(fields), texts=True)
    return _read_rest(call, services)


def _read_rest(call: Any, services: list[ServiceModel]) -> tuple[OperationModel, Any]:
    # The emulator's path has a prefix before @connections.
    path = re.sub(r".*(?=/@connections)|/$", "", call.path)
    found = []
    for operation, pattern, literal in chain.from_iterable(map(_routes, services)):
        match = re.fullmatch(pattern, path)
        if match and operation.http["method"] == call.method and literal.items() <= call.query.items():
            found.append((len(literal), -len(match.groups()), operation, match.groups(), literal))
    *_, operation, groups, literal = max(found, key=itemgetter(0, 1))
    texts = dict(zip(re.findall(r"{([^}+]+)", operation.http["requestUri"]), groups, strict=True))
    shape = _input(operation)
    members = {_name(one, name): one for name, one in shape.members.items()}
    in_query = [one for one in members.values() if one.serialization.get("location") == "querystring"]
    # A map in the query takes all other names.
    others = call.query.keys() - members.keys() if any(one.type_name == "map" for one in in_query) else set()
    for name in call.query.keys() - literal.keys() - others:
        is_list = name in members and members[name].type_name == "list"
        texts[name] = call.query[name] if is_list else call.query[name][0]
    arguments = _named(shape, texts, texts=True)
    if payload := shape.serialization.get("payload"):
        held = shape.members[payload]
        whole = held.type_name == "structure"
        return operation, {**arguments, payload: _named(held, json.loads(call.body)) if whole else call.body}
    return operation, {**arguments, **_named(shape, json.loads(call.body or "{}"))}


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


def _named(shape: Any, found: Any, *, texts: bool = False) -> Any:
    """Return arguments with boto3's names instead of the protocol's; what does not fit stays as it is.

    Where the protocol has only ``texts``, or a tree of them, they become what JSON would have.
    """
    kind = shape.type_name if shape else ""
    if texts and kind in {*NUMBERS, "boolean"}:
        with suppress(ValueError):
            return json.loads(found)
    if texts and kind in {"list", "map"} and isinstance(found, dict):
        if not shape.serialization.get("flattened"):
            found = found.get(_name(shape.member, "member") if kind == "list" else "entry", found)
        found = [*found.values()]
        if kind == "map":
            key, value = _name(shape.key, "key"), _name(shape.value, "value")
            found = {one[key]: one[value] for one in found}
    if texts and found == "" and kind in {"list", "map", "structure"}:
        return [] if kind == "list" else {}
    if kind == "list" and isinstance(found, list):
        return [_named(shape.member, one, texts=texts) for one in found]
    if kind == "map" and isinstance(found, dict):
        return {key: _named(shape.value, one, texts=texts) for key, one in found.items()}
    if kind == "structure" and isinstance(found, dict):
        # A name that only boto3 has is unknown to the protocol.
        names = {name: f"{name}, as boto3 names it" for name in shape.members}
        names |= {_name(one, name): name for name, one in shape.members.items()}
        return {
            names.get(name, name): _named(shape.members.get(names.get(name)), one, texts=texts)
            for name, one in found.items()
            if one is not None
        }
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

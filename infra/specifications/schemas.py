"""Makes the parts of both documents: the hand-written halves, and JSON Schemas of types."""

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from chalicelib import __version__, limits
from infra.specifications import answers

Schema = dict[str, Any]
REF = "#/components/schemas/{name}"


class Incomplete(Exception):
    """The code and the hand-written half of a specification differ."""


def written(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hand-written half of a document, filled in with these values and ``chalicelib.limits``."""
    days = limits.EVENT_RETENTION_SECONDS // 86_400
    known = {**vars(limits), "version": __version__, "event_days": days, **values}
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    half: dict[str, Any] = yaml.safe_load(re.sub(r"<<(\w+)>>", lambda found: str(known[found[1]]), text))
    return half


def ref(name: str) -> Schema:
    """Return a reference to the schema of a type."""
    return {"$ref": REF.format(name=name)}


def components(kinds: Iterable[type]) -> dict[str, Schema]:
    """Return the schemas of types, and of all types that they refer to, by their names.

    No schema of an object allows additional members.
    """
    _, found = msgspec.json.schema_components(kinds, ref_template=REF)
    return {name: _finished(name, _typed(schema)) for name, schema in sorted(found.items())}


def prose(kind: type) -> str:
    """Return a type's docstring as Markdown."""
    return inspect.cleandoc(kind.__doc__ or "").replace("``", "`")


def summary(text: str) -> str:
    """Return the first sentence of a docstring's first line, without its full stop."""
    return text.splitlines()[0].split(". ")[0].rstrip(".")


def _finished(name: str, schema: Schema) -> Schema:
    finished = {**schema, "description": schema["description"].replace("``", "`")}
    if finished["type"] != "object":
        return finished
    if fields := answers.fields_of(name):
        held, _ = msgspec.json.schema_components(fields.values(), ref_template=REF)
        finished["properties"] = dict(zip(fields, held, strict=True))
        finished["required"] = [field for field in fields if field in schema["required"]]
    properties = {field: _typed(one) for field, one in finished["properties"].items()}
    return {**finished, "properties": properties, "additionalProperties": False}


def _typed(schema: Schema) -> Schema:
    """Add the type of an enumeration, which some readers of schemas need."""
    values = schema.get("enum", [])
    if not values or "type" in schema:
        return schema
    return {"type": "integer" if all(isinstance(value, int) for value in values) else "string", **schema}

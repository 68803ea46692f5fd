"""Makes the types of the JavaScript client from the OpenAPI document: one JSDoc typedef for each schema."""

import json
from collections.abc import Iterator
from typing import Any

from infra import ROOT

TYPES = ROOT / "clients" / "javascript" / "src" / "types.js"

HEAD = "// The service's types, made from its specification by `make specs`.\n\nexport {};\n"
LEFT_OUT = frozenset({"FieldError", "Problem", "Service", "Nothing", "NewSession", "NewToken"})
"""Schemas that no user of the client sees."""


def types(document: dict[str, Any]) -> str:
    """Return the text of the module. Its ``Happened`` is any event of a page of events."""
    schemas = document["components"]["schemas"]
    events = _type(schemas["EventsPage"]["properties"]["events"]["items"])
    typedefs = [_typedef(name, schema) for name, schema in schemas.items() if name not in LEFT_OUT]
    return "\n".join([HEAD, *typedefs, f"/** @typedef {{{events}}} Happened */\n"])


def _typedef(name: str, schema: dict[str, Any]) -> str:
    told = " ".join(schema["description"].split())
    lines = [*_properties(schema)] if "properties" in schema else []
    kind = "object" if lines else _type(schema)
    return "\n".join(["/**", f" * {told}", f" * @typedef {{{kind}}} {name}", *lines, " */\n"])


def _properties(schema: dict[str, Any]) -> Iterator[str]:
    for name, value in schema["properties"].items():
        shown = name if name in schema["required"] else f"[{name}]"
        yield f" * @property {{{_type(value)}}} {shown}"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " | ".join(json.dumps(one).replace('"', "'") for one in schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(_type(one) for one in schema[union])
    if schema["type"] == "array":
        return f"({_type(schema['items'])})[]"
    return {"integer": "number", "string": "string", "boolean": "boolean", "null": "null"}[schema["type"]]

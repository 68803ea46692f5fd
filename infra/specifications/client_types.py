"""Makes the types of both clients from the schemas of the OpenAPI document."""

import json
from collections.abc import Iterator
from typing import Any

from infra import ROOT

PYTHON = ROOT / "clients/python/src/gamenight/types.py"
JAVASCRIPT = ROOT / "clients/javascript/src/types.js"

Schema = dict[str, Any]

SESSIONS = ("Session", "ActiveSession", "EndedSession", "SessionWithGames")
ANSWERS = (*SESSIONS, "Game", "CountedVote", "StoredVote", "Invite", "Joined")
EVENTS = ("SessionStarted", "GameAdded", "GameRemoved", "VoteReceived", "VoteWithdrawn", "SessionEnded")

HEAD = '''"""What the service answers and sends. `make specs` writes this file from the specification."""

from dataclasses import dataclass
from typing import Literal, TypedDict, final

from gamenight.service_event import ServiceEvent
'''

JSDOC_HEAD = "// The service's types, made from its specification by `make specs`.\n\nexport {};\n"
LEFT_OUT = frozenset({"FieldError", "Problem", "Service", "Nothing", "NewSession", "NewToken"})
"""Schemas that no user of the JavaScript client sees."""

NAMES = {
    "python": {"integer": "int", "string": "str", "boolean": "bool", "null": "None"},
    "javascript": {"integer": "number", "string": "string", "boolean": "boolean", "null": "null"},
}


def javascript(schemas: Schema) -> str:
    """Return a JSDoc typedef for each schema. ``Happened`` is any event of a page of events."""
    events = _type(schemas["EventsPage"]["properties"]["events"]["items"], "javascript")
    typedefs = [_typedef(name, schema) for name, schema in schemas.items() if name not in LEFT_OUT]
    return "\n".join([JSDOC_HEAD, *typedefs, f"/** @typedef {{{events}}} Happened */\n"])


def _typedef(name: str, schema: Schema) -> str:
    fields = schema.get("properties", {})
    shown = {field: field if field in schema["required"] else f"[{field}]" for field in fields}
    lines = [f" * @property {{{_type(fields[one], 'javascript')}}} {shown[one]}" for one in fields]
    kind = "object" if lines else _type(schema, "javascript")
    told = " ".join(schema["description"].split())
    return "\n".join(["/**", f" * {told}", f" * @typedef {{{kind}}} {name}", *lines, " */\n"])


def python(schemas: Schema) -> str:
    """Return a TypedDict for each answer, and a dataclass for each event."""
    written: dict[str, str] = {}
    for name in (*ANSWERS, *EVENTS):
        _write(name, schemas, written)
    known = "".join(f'    "{_tag(schemas[name])}": {name},\n' for name in EVENTS)
    return "\n\n".join([HEAD, *written.values(), f"EVENTS = {{\n{known}}}\n"])


def _write(name: str, schemas: Schema, written: dict[str, str]) -> None:
    """Write a type, after all types that it refers to."""
    if name in written:
        return
    schema = schemas[name]
    for needed in _references(schema):
        _write(needed, schemas, written)
    if name in EVENTS:
        head, fields = (
            f"@dataclass(frozen=True, slots=True)\nclass {name}(ServiceEvent):",
            {
                "data": _type(schema["properties"]["data"]),
                "type": f'Literal["{_tag(schema)}"] = "{_tag(schema)}"',
            },
        )
    elif schema["type"] == "object":
        head = f"@final\nclass {name}(TypedDict):"
        fields = {field: _type(held) for field, held in schema["properties"].items()}
    else:
        written[name] = f"{name} = {_type(schema)}\n"
        return
    prose = "\n".join(line and f"    {line.strip()}" for line in schema["description"].splitlines()).strip()
    doc = f'    """{prose}{chr(10) + "    " if chr(10) in prose else ""}"""'.replace("`", "``")
    written[name] = "\n".join(
        [head, doc, "", *(f"    {field}: {held}" for field, held in fields.items()), ""]
    )


def _tag(event: Any) -> str:
    return str(event["properties"]["type"]["enum"][0])


def _references(schema: Any) -> Iterator[str]:
    """Yield the names of the types that a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        schema = [*schema.values()]
    if isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def _type(schema: Schema, language: str = "python") -> str:
    """Return a schema as a type of Python or, in JSDoc, of JavaScript."""
    javascript = language == "javascript"
    match schema:
        case {"$ref": reference}:
            return str(reference).rpartition("/")[2]
        case {"enum": values}:
            shown = [json.dumps(one) for one in values]
            return " | ".join(shown).replace('"', "'") if javascript else f"Literal[{', '.join(shown)}]"
        case {"anyOf": kinds} | {"oneOf": kinds}:
            return " | ".join(_type(one, language) for one in kinds)
        case {"type": "array", "items": items}:
            return f"({_type(items, language)})[]" if javascript else f"list[{_type(items)}]"
    return NAMES[language][schema["type"]]

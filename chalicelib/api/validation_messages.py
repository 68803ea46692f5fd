"""Translates msgspec's error messages into plain English.

msgspec's messages are for Python programmers: types, regular expressions, names of classes. An unknown
message is passed on as it is.
"""

import json
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec

from chalicelib.errors import FieldError

MAX_SHOWN = 40
"""The most characters of a client's input that an error repeats."""

NOT_BLANK = r"[^\s\x1c-\x1f\x85\ufeff]"
"""Matches text that is not blank. A character that is a space to either Python or JSON Schema is one here, so
the schemas allow exactly what the service accepts."""

NAMES = {
    "array": "an array",
    "bool": "true or false",
    "float": "a number with a fraction",
    "int": "a whole number",
    "null": "null",
    "object": "an object",
    "str": "text",
}
"""The names of JSON's types in a sentence."""


def _types(found: re.Match[str]) -> str:
    wanted = " or ".join(NAMES.get(name, name) for name in found[1].split(" | "))
    return f"Expected {wanted}, got {NAMES.get(found[2], found[2])}"


SENTENCES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"Expected `(.+)`, got `(.+)`"), _types),
    (
        re.compile(rf"Expected `str` matching regex {re.escape(repr(NOT_BLANK))}"),
        lambda _: "Expected text that is not blank",
    ),
    (
        re.compile(r"Expected `str` of length <= (\d+)"),
        lambda found: f"Expected text of {found[1]} characters at most",
    ),
    (re.compile(r"Expected `int` >= (\d+)"), lambda found: f"Expected a whole number, {found[1]} or more"),
    (re.compile(r"Expected `int` <= (\d+)"), lambda found: f"Expected a whole number, {found[1]} or less"),
)
MISSING = re.compile(r"Object missing required field `(.+)`")
UNKNOWN = re.compile(r"Object contains unknown field `(.+)`", re.DOTALL)
NO_CHOICE = re.compile(r"Invalid enum value (.+)", re.DOTALL)

TRUNCATED = "Input data was truncated"
"""msgspec also says this if a complete text has half a character shortly before its end."""

SURROGATES = re.compile(r".*utf-16 surrogate pair (\(byte \d+\))")
HALF_A_CHARACTER = "it has half a character, an escape from \\ud800 to \\udfff without its other half"


def finding(error: msgspec.ValidationError, kind: Any, what: str) -> tuple[FieldError, str]:
    """Return the invalid field, and a sentence that is complete without the field.

    ``kind`` is the expected struct, ``what`` the name of the input.
    """
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").lstrip(".")
    if missing := MISSING.fullmatch(message):
        said = f"Expected a {'parameter' if what == 'query' else 'field'} {missing[1]}"
        return FieldError(missing[1], said), f"{said}."
    if unknown := UNKNOWN.fullmatch(message):
        name = unknown[1][:MAX_SHOWN]
        said = f"There is no field {name} here; leave it out"
        return FieldError(name, said), f"{said}."
    said = _in_words(message, kind, field)
    if not field:
        return FieldError(whole(what), said), f"{said}."
    return FieldError(field, said), f"{said}, in {field}."


def whole(what: str) -> str:
    """Return what an error names if no single field is invalid."""
    return f"(the whole {what})"


def not_json(raw: bytes | str, error: Exception) -> str:
    """Return why an input is not JSON."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    message = str(error).removeprefix("JSON is malformed: ")
    if message == TRUNCATED:
        return HALF_A_CHARACTER if _is_whole(raw) else "it ends too early"
    if half := SURROGATES.fullmatch(message):
        return f"{HALF_A_CHARACTER} {half[1]}"
    return message


def _is_whole(raw: bytes | str) -> bool:
    """Whether a text is complete. The standard library reads half characters, but no truncated text."""
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _in_words(message: str, kind: Any, field: str) -> str:
    if no_choice := NO_CHOICE.fullmatch(message):
        return f"Expected {' or '.join(_choices(kind, field))}, got {no_choice[1][:MAX_SHOWN]}"
    for pattern, sentence in SENTENCES:
        if found := pattern.fullmatch(message):
            return sentence(found)
    return message


def _choices(kind: Any, field: str) -> list[str]:
    for one in msgspec.structs.fields(kind):
        if one.encode_name == field and isinstance(one.type, type) and issubclass(one.type, Enum):
            return [str(choice.value) for choice in one.type]
    return ["another value"]

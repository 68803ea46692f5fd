"""Decodes JSON from clients into typed structs, and translates msgspec's errors into ours."""

from typing import Any

import msgspec

from chalicelib.api.validation_messages import finding, not_json, whole
from chalicelib.errors import FieldError, InvalidJson, InvalidRequest


def _number(text: str) -> int | float:
    """Return a number that has a point or an exponent. ``3.0`` is an integer, as in JSON Schema."""
    value = float(text)
    return int(value) if value.is_integer() else value


_decoder: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder(float_hook=_number)


def decode(raw: bytes | str, kind: Any, invalid: type[InvalidRequest], what: str = "body") -> Any:
    """Return the input as ``kind``, a struct or a union of structs. ``what`` names the input in errors.

    Raises InvalidJson if it is not JSON, or the given error with the invalid field.
    """
    try:
        return msgspec.convert(_decoder.decode(raw), kind)
    except msgspec.ValidationError as error:
        field, detail = finding(error, kind, what)
        raise invalid(detail, (field,)) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        said = f"The {what} is not JSON: {not_json(raw, error)}"
        raise InvalidJson(f"{said}.", (FieldError(whole(what), said),)) from error

"""JSON that clients send, decoded into typed structs with every rule of the contract checked.

msgspec does the decoding and the checking; this module turns its findings into our errors. Leaves their
words to ``findings``, and which structs there are to ``bodies`` and ``frames``.
"""

from typing import TypeVar

import msgspec

from chalicelib.api.validation_messages import finding, not_json, whole
from chalicelib.errors import FieldError, InvalidJson, InvalidRequest

T = TypeVar("T")


def decode(
    raw: bytes | str, decoder: "msgspec.json.Decoder[T]", invalid: type[InvalidRequest], what: str = "body"
) -> T:
    """Return the decoded struct. ``what`` names the input to whoever has sent it.

    Raises InvalidJson where it is not JSON, or the given error with the field that is not as it should be.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        field, detail = finding(error, decoder.type, what)
        raise invalid(detail, (field,)) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        said = f"The {what} is not JSON: {not_json(raw, error)}"
        raise InvalidJson(f"{said}.", (FieldError(whole(what), said),)) from error

"""JSON that clients send, decoded into typed structs with every rule of the contract checked.

msgspec does the decoding and the checking; this module turns its findings into our errors. Leaves which
structs there are to ``bodies`` and ``frames``.
"""

from typing import TypeVar

import msgspec

from chalicelib.domain.errors import FieldError, InvalidJson, InvalidRequest

T = TypeVar("T")


def decode(raw: bytes | str, decoder: "msgspec.json.Decoder[T]", invalid: type[InvalidRequest]) -> T:
    """Return the decoded struct.

    Raises InvalidJson where it is not JSON, or the given error with the field that is not as it should be.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        field = path.rstrip("`").removeprefix("$").lstrip(".") or "(the whole body)"
        raise invalid(f"{message}, in {field}.", (FieldError(field, message),)) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidJson(f"The body is not JSON: {error}.") from error

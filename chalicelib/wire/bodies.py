"""The bodies and headers of REST requests, decoded and checked.

Leaves answers to ``problems`` and to the entry points.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from chalicelib.domain.errors import FieldError, InvalidRequest, Unauthenticated
from chalicelib.domain.idempotency import IdempotentRequest
from chalicelib.domain.identity import Claims
from chalicelib.wire.json_input import decode

T = TypeVar("T", bound=msgspec.Struct)

MAX_KEY_CHARACTERS = 255


class NewSession(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/sessions``."""

    notes: Annotated[str, msgspec.Meta(max_length=500)] | None = None


def body_of(raw: bytes | str, kind: type[T]) -> T:
    """Return a request's body as a struct; no body at all counts as ``{}``.

    Raises InvalidJson or InvalidRequest.
    """
    return decode(raw or b"{}", msgspec.json.Decoder(kind), InvalidRequest)


def bearer_token(headers: Mapping[str, str]) -> str:
    """Return the token of ``Authorization: Bearer <jwt>``. Raises Unauthenticated where there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send the header 'Authorization: Bearer <token>'.")
    return token.strip()


def idempotent_request(
    headers: Mapping[str, str], caller: Claims, route: str, body: msgspec.Struct
) -> IdempotentRequest | None:
    """Return the request as its ``Idempotency-Key`` names it, None where it has none.

    Two bodies are the same where they say the same, however they are spaced. Raises InvalidRequest for a
    key that is not 1 to 255 printable ASCII characters.
    """
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
        message = "Expected 1 to 255 printable ASCII characters"
        raise InvalidRequest(f"{message}.", (FieldError("Idempotency-Key", message),))
    asked = route.encode() + b"\n" + msgspec.json.encode(body)
    return IdempotentRequest(caller.subject, key, hashlib.sha256(asked).hexdigest())

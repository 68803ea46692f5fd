"""The headers and parameters that operations of the OpenAPI document share."""

from typing import Any

from chalicelib.api.rest.bodies import MAX_KEY_CHARACTERS
from chalicelib.idempotency import RETENTION_SECONDS
from chalicelib.limits import DEFAULT_PAGE, MAX_ID, MAX_PAGE
from infra.specifications import night

HEADERS: dict[str, Any] = {
    "Location": {
        "description": "The path, with the stage that it is served below.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/api/sessions/17",
    },
    "WwwAuthenticate": {
        "description": "`Bearer`. API Gateway sends it under the name `x-amzn-Remapped-WWW-Authenticate`.",
        "schema": {"type": "string", "const": "Bearer"},
        "example": "Bearer",
    },
    "RetryAfter": {
        "description": "Seconds until it is worth trying again.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
        "example": "1",
    },
    "CacheControl": {
        "description": "No cache may keep the answer.",
        "required": True,
        "schema": {"type": "string", "const": "no-store"},
        "example": "no-store",
    },
}

PARAMETERS: dict[str, Any] = {
    "SessionId": {
        "name": "session_id",
        "in": "path",
        "required": True,
        "description": "The id of a session.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_ID},
        "example": 17,
    },
    "Since": {
        "name": "since",
        "in": "query",
        "description": 'A cursor as it was received; "" or nothing is the beginning, "now" the end.',
        "schema": {"type": "string"},
        "example": night.ANSWERS["EventsPage"]["cursor"],
    },
    "Limit": {
        "name": "limit",
        "in": "query",
        "description": "How many entries a page has at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE},
    },
    "Newest": {
        "name": "newest",
        "in": "query",
        "description": "Instead of a page: so many of the newest entries, newest first, and the stream's "
        "end as the cursor. It goes with no other parameter.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": f"Up to {MAX_KEY_CHARACTERS} printable ASCII characters, best a UUID. The same key "
        f"and request within {RETENTION_SECONDS // 3600} hours is answered with the first result and does "
        "nothing again. Keys of different callers are different keys.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_KEY_CHARACTERS,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
        },
        "example": "7e1c2f6a-3d0b-4a52-9b52-0f7f6f0f6a11",
    },
}

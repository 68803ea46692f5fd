"""The OpenAPI 3.1 document of the REST API.

Made from chalice's routes, the types of bodies, the error tree with its statuses, and ``operations``.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib import __version__
from chalicelib.api.rest.problems import CONTENT_TYPE
from chalicelib.limits import EVENT_RETENTION_SECONDS
from infra.specifications import answers, night, schemas
from infra.specifications.operations import ADMIN, OPERATIONS, Operation
from infra.specifications.parts import HEADERS, PARAMETERS
from infra.specifications.responses import JSON, failures, stored, success
from infra.specifications.schemas import Incomplete

DESCRIPTION = f"""\
A host starts a game night, and every bot and page that is connected hears it at that moment; what is heard
is in the AsyncAPI document. This is the other half: starting, playing and ending a night, and polling for
whoever can't keep a connection.

Send `Authorization: Bearer <token>` wherever a lock is shown. Every POST takes an `Idempotency-Key`, which
makes it safe to send again. What goes wrong is told as `{CONTENT_TYPE}` with a stable `code`. Timestamps
are UTC with milliseconds and `Z`. Cursors are opaque; events can be had for
{EVENT_RETENTION_SECONDS // 86_400} days.
"""

Routes = Mapping[str, Mapping[str, Any]]


def is_of_the_api(path: str) -> bool:
    """Say whether a route belongs into the document: the page and its files are for people with browsers."""
    return path == "/api" or path.startswith("/api/")


def document(routes: Routes) -> dict[str, Any]:
    """Return the document for chalice's ``app.routes``. Raises Incomplete."""
    there = {(method, path) for path, methods in routes.items() for method in methods if is_of_the_api(path)}
    if there != OPERATIONS.keys():
        raise Incomplete(
            f"Bring infra/specifications/operations.py in line: {sorted(there ^ OPERATIONS.keys())}"
        )
    responses: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        view = routes[path][method].view_function
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation, view, responses)
    kinds = {kind for one in OPERATIONS.values() for kind in (one.body, one.answer, one.stored) if kind}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Game Night Live",
            "version": __version__,
            "summary": "Start, play and end game nights.",
            "description": DESCRIPTION,
        },
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "servers": _servers(),
        "tags": [
            {"name": "service", "description": "What this is and where everything is."},
            {"name": "sessions", "description": "Nights, and what happened in them."},
            {"name": "games", "description": "The games of a night."},
            {"name": "votes", "description": "Votes for a game."},
            {"name": "tokens", "description": "Letting bots in."},
        ],
        "paths": paths,
        "components": {
            "schemas": _schemas(kinds),
            "responses": dict(sorted(responses.items())),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The roles are `admin` and `bot`. `POST /api/tokens` lets a bot in.",
                }
            },
        },
    }


def _schemas(kinds: set[type]) -> dict[str, schemas.Schema]:
    made = schemas.components([*kinds, answers.Problem, answers.GatewayAnswer])
    for event in answers.Event.__subclasses__():
        made[event.__name__]["required"] += ["stream", "sequence", "cursor"]  # who polls always gets them
    return made


def _servers() -> list[dict[str, Any]]:
    return [
        {
            "url": "http://localhost:{port}",
            "description": "The local gateway.",
            "variables": {"port": {"default": "5000"}},
        },
        {
            "url": "https://{rest_api}.execute-api.{region}.amazonaws.com/{stage}",
            "description": "A stage on AWS.",
            "variables": {
                "rest_api": {"default": "a1b2c3d4e5", "description": "The REST API's id."},
                "region": {"default": "us-east-1"},
                "stage": {"default": "dev"},
            },
        },
    ]


def _operation(
    path: str, operation: Operation, view: Callable[..., Any], responses: dict[str, Any]
) -> dict[str, Any]:
    who = {ADMIN: "\n\nOnly an admin may.", (): ""}.get(operation.roles, "\n\nAn admin or a bot may.")
    made: dict[str, Any] = {
        "operationId": view.__name__,
        "summary": schemas.summary(inspect.getdoc(view) or ""),
        "description": operation.description + who,
        "tags": [operation.tag],
        "security": [{"token": [role]} for role in operation.roles],
    }
    parameters = [name for name, wanted in _parameters(path, operation).items() if wanted]
    if parameters:
        made["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in parameters]
    if operation.body is not None:
        name = operation.body.__name__
        made["requestBody"] = {
            "required": operation.body_required,
            "content": {JSON: {"schema": schemas.ref(operation.body), "example": night.BODIES[name]}},
        }
    made["responses"] = {str(operation.status): success(operation), **stored(operation)}
    for status, named in failures(path, operation).items():
        responses |= named
        [name] = named
        made["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    return made


def _parameters(path: str, operation: Operation) -> dict[str, bool]:
    return {
        "SessionId": "{session_id}" in path,
        "Since": operation.pages,
        "Limit": operation.pages,
        "Newest": operation.newest,
        "IdempotencyKey": operation.body is not None,
    }

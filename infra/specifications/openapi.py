"""The OpenAPI 3.1 document of the REST API.

``openapi.yaml`` says what is answered to whom; the types of bodies and answers, chalice's routes and the
error tree with its statuses say the rest.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from chalicelib import answers
from chalicelib.api.rest import bodies
from chalicelib.api.rest.problems import CONTENT_TYPE, Problem, problem_of, problem_of_framework, status_of
from chalicelib.errors import FieldError
from chalicelib.idempotency import RETENTION_SECONDS
from infra.specifications import errors, night, schemas
from infra.specifications.answers import TYPES, Event, GatewayAnswer
from infra.specifications.schemas import Incomplete

JSON = "application/json"
TYPE_PREFIX = "urn:game-night-live:problem:"

OF_TOKENS = ("token_missing", "token_invalid", "token_expired", "unavailable")
OF_POSTS = ("invalid_request", "invalid_json", "payload_too_large", "idempotency_mismatch", "contended")
OF_PAGES = ("invalid_request", "invalid_cursor")

GATEWAY = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("PayloadTooLarge", "The request is larger than API Gateway takes."),
    HTTPStatus.TOO_MANY_REQUESTS: ("TooManyRequests", "API Gateway is throttling. Try again in a moment."),
    HTTPStatus.BAD_GATEWAY: ("BadGateway", "The service did not answer as it should. It has been logged."),
    HTTPStatus.GATEWAY_TIMEOUT: (
        "GatewayTimeout",
        "The service did not answer in time. The request may have been carried out.",
    ),
}
"""What API Gateway answers by itself, by status."""

LINKS = {
    "show": ("show_session", "Read the session."),
    "add_game": ("add_game", "Add a game to it."),
    "vote": ("vote", "Vote in it."),
    "events": ("list_events", "Poll its events."),
    "close": ("close_session", "End it."),
}
"""Where a client can go from a session that it has just started."""

Routes = Mapping[str, Mapping[str, Any]]
Operation = dict[str, Any]
"""An operation as ``openapi.yaml`` has it."""


def is_of_the_api(path: str) -> bool:
    """Say whether a route belongs into the document: the page and its files are for people with browsers."""
    return path == "/api" or path.startswith("/api/")


def document(routes: Routes) -> dict[str, Any]:
    """Return the document for chalice's ``app.routes``. Raises Incomplete."""
    values = {"TOKEN": night.TOKEN, "token_expires_at": night.TOKEN_EXPIRES_AT}
    limits = {"key_hours": RETENTION_SECONDS // 3600, "MAX_KEY_CHARACTERS": bodies.MAX_KEY_CHARACTERS}
    made = schemas.written("openapi.yaml", {**values, **limits})
    written = {(method, path): one for path, all_ in made["paths"].items() for method, one in all_.items()}
    there = {(method.lower(), path) for path in filter(is_of_the_api, routes) for method in routes[path]}
    if there != written.keys():
        raise Incomplete(f"Bring infra/specifications/openapi.yaml in line: {sorted(there ^ written.keys())}")
    responses: dict[str, Any] = {}
    for (method, path), operation in written.items():
        view = routes[path][method.upper()].view_function
        made["paths"][path][method] = _operation(path, operation, view, responses)
    types = {_type(one, what) for one in written.values() for what in ("body", "answer", "stored")} - {None}
    made["components"]["schemas"] = _schemas(kind for kind in types if kind)
    made["components"]["responses"] = dict(sorted(responses.items()))
    return made


def _schemas(kinds: Iterable[type]) -> dict[str, schemas.Schema]:
    events = Event.__subclasses__()
    made = schemas.components([*kinds, *events, answers.Problem, GatewayAnswer, FieldError])
    for event in events:
        made[event.__name__]["required"] += ["stream", "sequence", "cursor"]  # who polls always gets them
    return made


def _type(operation: Operation, what: str) -> type | None:
    name = operation.get(what)
    return {**TYPES, **vars(bodies)}[name] if name else None


def _operation(
    path: str, operation: Operation, view: Callable[..., Any], responses: dict[str, Any]
) -> dict[str, Any]:
    roles = operation.get("roles", [])
    who = {1: "\n\nOnly an admin may.", 0: ""}.get(len(roles), "\n\nAn admin or a bot may.")
    made: dict[str, Any] = {
        "operationId": view.__name__,
        "summary": schemas.summary(inspect.getdoc(view) or ""),
        "description": operation["description"] + who,
        "tags": [operation["tag"]],
        "security": [{"token": [role]} for role in roles],
    }
    body = _type(operation, "body")
    parameters = ["SessionId"] * ("{session_id}" in path) + operation.get("parameters", [])
    if parameters := parameters + ["IdempotencyKey"] * bool(body):
        made["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in parameters]
    if body:
        content = {"schema": schemas.ref(body), "example": operation["sends"]}
        made["requestBody"] = {
            "required": operation.get("body_required", True),
            "content": {JSON: content},
        }
    answered, stored = operation["answered"], "The vote is stored and counts in a moment."
    made["responses"] = {str(operation.get("status", 200)): _success(operation, "answer", answered)}
    if "stored" in operation:
        made["responses"][str(int(HTTPStatus.ACCEPTED))] = _success(operation, "stored", stored)
    for status, named in _failures(path, operation).items():
        responses |= named
        [name] = named
        made["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    return made


def _success(operation: Operation, what: str, description: str) -> dict[str, Any]:
    """Return what an operation answers where nothing is wrong."""
    kind, header = _type(operation, what), {}
    content: dict[str, Any] = {"schema": {"type": "object"}}
    if kind:
        content = {
            "schema": schemas.ref(kind),
            "example": operation.get("shows") or night.ANSWERS[kind.__name__],
        }
    if operation.get("location"):
        header = {"Location": {"$ref": "#/components/headers/Location"}}
    if kind is answers.MintedToken:
        header = {"Cache-Control": {"$ref": "#/components/headers/CacheControl"}}
    made = {"description": description, "content": {JSON: content}} | ({"headers": header} if header else {})
    if kind is answers.StartedSession:
        session = {"session_id": "$response.body#/id"}
        made["links"] = {
            name: {"operationId": operation_id, "parameters": session, "description": text}
            for name, (operation_id, text) in LINKS.items()
        }
    return made


def _failures(path: str, operation: Operation) -> dict[int, dict[str, Any]]:
    """Return whatever else an operation answers, by status: a response under its name."""
    roles, body = operation.get("roles"), operation.get("body")
    codes = {"internal_error", *operation.get("raises", ())}
    codes.update(OF_TOKENS if roles else ())
    codes.update(("forbidden",) if roles == ["admin"] else ())
    codes.update(OF_POSTS if body else ())
    codes.update(OF_PAGES if "parameters" in operation else ())
    codes.update(("session_not_found",) if "{session_id}" in path else ())
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(status_of(errors.kind(code)), []).append(code)
    made = {
        status: {
            "Or".join(errors.kind(code).__name__ for code in told): _problems(
                status, [problem_of(errors.sample(code)) for code in told]
            )
        }
        for status, told in by_status.items()
    }
    for status, (name, description) in GATEWAY.items():
        made[status] = _or_gateways(made.get(status, {}), name, description)
    if body:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        refused = problem_of_framework(status, "Unsupported media type: text/plain")
        made[status] = {"UnsupportedMediaType": _problems(status, [refused])}
    else:
        del made[HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    return dict(sorted(made.items()))


def _or_gateways(ours: dict[str, Any], name: str, description: str) -> dict[str, Any]:
    """Return what API Gateway answers by itself, or we do, where both answer with this status."""
    content: dict[str, Any] = {JSON: {"schema": schemas.ref(GatewayAnswer)}}
    for response in ours.values():
        description = f"{response['description']} {description}"
        content = {**response["content"], **content}
    return {name: {"description": description, "content": content}}


def _problems(status: int, problems: Iterable[Problem]) -> dict[str, Any]:
    told = {one["code"]: one for one in (json.loads(problem.body) for problem in problems)}
    narrowed: schemas.Schema = {
        "properties": {
            "status": {"const": int(status)},
            "code": {"enum": list(told)},
            "type": {"enum": [TYPE_PREFIX + code for code in told]},
        }
    }
    if status == HTTPStatus.BAD_REQUEST:
        narrowed["required"] = ["errors"]
    examples = {code: {"summary": one["title"], "value": one} for code, one in told.items()}
    schema = {"allOf": [schemas.ref(answers.Problem), narrowed]}
    made: dict[str, Any] = {
        "description": " ".join(f"`{code}`: {one['title']}." for code, one in told.items()),
        "content": {CONTENT_TYPE: {"schema": schema, "examples": examples}},
    }
    if status == HTTPStatus.UNAUTHORIZED:
        made["headers"] = {"WWW-Authenticate": {"$ref": "#/components/headers/WwwAuthenticate"}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        made["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return made

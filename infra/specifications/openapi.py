"""Makes the OpenAPI 3.1 document of the REST API.

``openapi.yaml`` says who may ask what, and what is answered. The rest comes from the types of bodies and
answers, chalice's routes, and the errors with their statuses.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib import answers
from chalicelib.api.rest import bodies
from chalicelib.api.rest.problems import CONTENT_TYPE, HEADERS, problem_of, problem_of_framework, status_of
from chalicelib.api.validation_messages import NOT_BLANK
from chalicelib.errors import FieldError, GameNightError
from chalicelib.idempotency import RETENTION_SECONDS
from infra.specifications import examples, schemas
from infra.specifications.answers import TYPES, Event, GatewayAnswer
from infra.specifications.schemas import Incomplete

JSON = "application/json"
NO_CONTENT = 204

OF_TOKENS = ("token_missing", "token_invalid", "token_expired", "token_revoked", "forbidden", "unavailable")
OF_POSTS = ("invalid_request", "invalid_json", "payload_too_large", "idempotency_mismatch", "contended")
OF_PAGES = ("invalid_request", "invalid_cursor")

WHO = (
    "",
    "\n\nOnly an admin may.",
    "\n\nAn admin or a bot may.",
    "\n\nAn admin or a bot may, and a guest of the session.",
)
"""The sentence about who may call an operation, by its number of roles."""

Routes = Mapping[str, Mapping[str, Any]]
Part = dict[str, Any]
"""A part of the document, or of ``openapi.yaml``."""


def document(routes: Routes) -> Part:
    """Return the document for chalice's ``app.routes``. Raises Incomplete."""
    values = {"TOKEN": examples.TOKEN, "token_expires_at": examples.TOKEN_EXPIRES_AT}
    limits = {"key_hours": RETENTION_SECONDS // 3600, "MAX_KEY_CHARACTERS": bodies.MAX_KEY_CHARACTERS}
    made = schemas.written("openapi.yaml", {**values, **limits, "NOT_BLANK": NOT_BLANK})
    gateway = made.pop("gateway")
    responses: dict[str, Part] = {}
    written = {(method, path) for path, operations in made["paths"].items() for method in operations}
    # Routes outside /api are the page and its files.
    there = {(method.lower(), path) for path in routes if path.startswith("/api") for method in routes[path]}
    if there != written:
        raise Incomplete(f"The routes of the code and of openapi.yaml differ: {sorted(there ^ written)}")
    kinds = {answers.Problem, GatewayAnswer, FieldError, *Event.__subclasses__()}
    for method, path in written:
        operation = made["paths"][path][method]
        named = [operation.get("body"), *(one.get("type") for one in operation["answers"].values())]
        kinds.update(TYPES.get(name) or vars(bodies)[name] for name in named if name)
        failures = _failures(path, operation, gateway)
        responses |= dict(failures.values())
        view = routes[path][method.upper()].view_function
        made["paths"][path][method] = _operation(path, operation, view, failures)
    made["components"]["schemas"] = schemas.components(kinds)
    for event in Event.__subclasses__():  # polled events always have a place
        made["components"]["schemas"][event.__name__]["required"] += ["stream", "sequence", "cursor"]
    made["components"]["responses"] = dict(sorted(responses.items()))
    return made


def _operation(
    path: str, operation: Part, view: Callable[..., Any], failures: Mapping[int, tuple[str, Part]]
) -> Part:
    roles, body = operation.get("roles", []), operation.get("body")
    who = WHO[len(roles)]
    made: Part = {
        "operationId": view.__name__,
        "summary": schemas.summary(inspect.getdoc(view) or ""),
        "description": operation["description"] + who,
        "tags": [operation["tag"]],
        "security": [{"token": [role]} for role in roles],
    }
    named = {"SessionId": "{session_id}", "GameId": "{game_id}", "Subject": "{subject}", "Name": "{name}"}
    parameters = [name for name, part in named.items() if part in path] + operation.get("parameters", [])
    if parameters := parameters + ["IdempotencyKey"] * bool(body):
        made["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in parameters]
    if body:
        content = {"schema": schemas.ref(body), "example": operation["sends"]}
        made["requestBody"] = {"required": operation.get("body_required", True), "content": {JSON: content}}
    made["responses"] = {
        str(status): told if status == NO_CONTENT else _answer(**told)
        for status, told in operation["answers"].items()
    }
    for status, (name, _) in failures.items():
        made["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    return made


def _answer(description: str, type: str = "", example: Any = None, **more: Any) -> Part:  # noqa: A002 - as in YAML
    """Return an answer of a successful operation."""
    shown = {"schema": schemas.ref(type), "example": example or examples.ANSWERS[type]} if type else None
    return {"description": description, "content": {JSON: shown or {"schema": {"type": "object"}}}, **more}


def _failures(path: str, operation: Part, gateway: Mapping[int, Part]) -> dict[int, tuple[str, Part]]:
    """Return the other answers of an operation, by status: the name of a response, and the response."""
    roles, body = operation.get("roles"), operation.get("body")
    codes = {"internal_error", *operation.get("raises", ())}
    codes.update(OF_TOKENS if roles else ())
    codes.update(OF_POSTS if body else ())
    codes.update(OF_PAGES if "Since" in operation.get("parameters", ()) else ())
    codes.update(("session_not_found",) if "{session_id}" in path else ())
    codes.update(("game_not_found", "contended") if "{game_id}" in path else ())
    told: dict[int, list[GameNightError]] = {}
    for error in map(examples.sample, sorted(codes)):
        told.setdefault(status_of(type(error)), []).append(error)
    made = {
        status: (
            "Or".join(type(error).__name__ for error in ours),
            _problems(status, [problem_of(error).body for error in ours]),
        )
        for status, ours in told.items()
    }
    if body:
        refused = problem_of_framework(415, "Unsupported media type: text/plain").body
        made[415] = ("UnsupportedMediaType", _problems(415, [refused]))
    for status, answer in gateway.items():
        if status != 413 or body:  # noqa: PLR2004 - 413 Content Too Large
            name, same = made.get(status, (answer["name"], {"description": "", "content": {}}))
            content = {**same["content"], JSON: {"schema": schemas.ref("GatewayAnswer")}}
            description = f"{same['description']} {answer['description']}".lstrip()
            made[status] = (name, {**same, "description": description, "content": content})
    return dict(sorted(made.items()))


def _problems(status: int, problems: Iterable[str]) -> Part:
    told = {one["code"]: one for one in map(json.loads, problems)}
    narrowed: Part = {
        "properties": {
            "status": {"const": status},
            "code": {"enum": list(told)},
            "type": {"enum": [one["type"] for one in told.values()]},
        }
    }
    if all("errors" in one for one in told.values()):
        narrowed["required"] = ["errors"]
    examples = {code: {"summary": one["title"], "value": one} for code, one in told.items()}
    schema = {"allOf": [schemas.ref("Problem"), narrowed]}
    headers = {
        name: {"$ref": f"#/components/headers/{name.title().replace('-', '')}"}
        for name in HEADERS.get(status, ())
    }
    return {
        "description": " ".join(f"`{code}`: {one['title']}." for code, one in told.items()),
        "content": {CONTENT_TYPE: {"schema": schema, "examples": examples}},
        **({"headers": headers} if headers else {}),
    }

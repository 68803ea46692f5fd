"""The answers of each operation of the OpenAPI document: the one that it is for, and every other.

An error has the status and the text that the code gives it; what API Gateway answers by itself is here.
"""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from chalicelib import __version__
from chalicelib.api.rest.problems import CONTENT_TYPE, problem_of, problem_of_framework, status_of
from infra.specifications import answers, errors, night, schemas
from infra.specifications.operations import LINKS, Operation
from infra.specifications.schemas import Schema

JSON = "application/json"
TYPE_PREFIX = "urn:game-night-live:problem:"

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

EXAMPLES: dict[str, Any] = {
    **night.ANSWERS,
    "Service": {
        "name": "Game Night Live",
        "version": __version__,
        "websocket_url": "ws://localhost:5000/api/sessions/live",
        "openapi_url": "http://localhost:5000/api/openapi.json",
        "asyncapi_url": "http://localhost:5000/api/asyncapi.json",
    },
    "Health": {"status": "ok", "version": __version__},
}

PROBLEM_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": {"$ref": "#/components/headers/WwwAuthenticate"}},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
}


def success(operation: Operation) -> dict[str, Any]:
    """Return what an operation answers where nothing is wrong."""
    content: dict[str, Any] = {"schema": {"type": "object"}}
    if operation.answer is not None:
        example = EXAMPLES[operation.answer.__name__]
        content = {"schema": schemas.ref(operation.answer), "example": example}
    made: dict[str, Any] = {"description": operation.answered, "content": {JSON: content}}
    if operation.location:
        made["headers"] = {"Location": {"$ref": "#/components/headers/Location"}}
    if operation.answer is answers.MintedToken:
        made["headers"] = {"Cache-Control": {"$ref": "#/components/headers/CacheControl"}}
    if operation.answer is answers.StartedSession:
        made["links"] = LINKS
    return made


def stored(operation: Operation) -> dict[str, Any]:
    """Return what an operation answers where it is done in a moment."""
    if operation.stored is None:
        return {}
    later = replace(operation, answer=operation.stored, answered="The vote is stored and counts in a moment.")
    return {str(int(HTTPStatus.ACCEPTED)): success(later)}


def failures(path: str, operation: Operation) -> dict[int, dict[str, Any]]:
    """Return whatever else an operation answers, by status: a response under its name."""
    by_status: dict[int, list[errors.Kind]] = {}
    for kind in sorted(set(operation.problems(path)), key=lambda kind: kind.code):
        by_status.setdefault(status_of(kind), []).append(kind)
    made = {status: _told(status, kinds) for status, kinds in by_status.items()}
    for status, (name, description) in GATEWAY.items():
        made[status] = _or_gateways(made.get(status, {}), name, description)
    if operation.body is None:
        del made[HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    else:
        made[HTTPStatus.UNSUPPORTED_MEDIA_TYPE] = _unsupported_media_type()
    return dict(sorted(made.items()))


def _told(status: int, kinds: list[errors.Kind]) -> dict[str, Any]:
    name = "Or".join(kind.__name__ for kind in kinds)
    examples = {kind.code: json.loads(problem_of(errors.sample(kind)).body) for kind in kinds}
    return {name: _problems(status, examples)}


def _unsupported_media_type() -> dict[str, Any]:
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    refused = problem_of_framework(status, "Unsupported media type: text/plain")
    document = json.loads(refused.body)
    return {"UnsupportedMediaType": _problems(status, {document["code"]: document})}


def _or_gateways(ours: dict[str, Any], name: str, description: str) -> dict[str, Any]:
    """Return what API Gateway answers by itself, or we do, where both answer with this status."""
    content = {JSON: {"schema": schemas.ref(answers.GatewayAnswer)}}
    for response in ours.values():
        return {
            name: {
                "description": f"{response['description']} {description}",
                "content": {**response["content"], **content},
            }
        }
    return {name: {"description": description, "content": content}}


def _problems(status: int, examples: dict[str, Any]) -> dict[str, Any]:
    told: Schema = {
        "properties": {
            "status": {"const": int(status)},
            "code": {"enum": list(examples)},
            "type": {"enum": [TYPE_PREFIX + code for code in examples]},
        }
    }
    if status == HTTPStatus.BAD_REQUEST:
        told["required"] = ["errors"]
    made: dict[str, Any] = {
        "description": " ".join(f"`{code}`: {one['title']}." for code, one in examples.items()),
        "content": {
            CONTENT_TYPE: {
                "schema": {"allOf": [schemas.ref(answers.Problem), told]},
                "examples": {code: {"summary": one["title"], "value": one} for code, one in examples.items()},
            }
        },
    }
    if headers := PROBLEM_HEADERS.get(HTTPStatus(status)):
        made["headers"] = headers
    return made

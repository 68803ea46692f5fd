"""What a target says of itself, and whether what is seen of it is that.

Reads the specifications that the target serves, and nothing of the product. Every request, answer and frame
of the shared clients comes by here, so that the test that sees a drift fails. openapi-core judges what is
HTTP, jsonschema what is a frame.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import httpx
from jsonschema import Draft202012Validator
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import PathError
from werkzeug.datastructures import Headers, ImmutableMultiDict

PATIENCE_SECONDS = 60.0

MAX_FRAME_BYTES = 32 * 1024
"""Of the contract, and nothing that a schema of the frame can say."""

RULES_BEYOND_SCHEMAS = (
    "Expected min_players to be max_players at most",
    "There is no parameter",
)
"""What messages say of the rules that are in the documents' prose only: no schema compares two fields, and
OpenAPI can't say that there are no other parameters."""

UNREADABLE = frozenset({"invalid_json", "invalid_frame", "unknown_type"})
"""Codes that say of a frame that it is none of the documents' frames."""


@cache
def specifications(rest_url: str) -> "Specifications":
    """Return what the target at an address says of itself; it is asked once."""
    with httpx.Client(timeout=PATIENCE_SECONDS) as http:
        service = http.get(f"{rest_url}/api").raise_for_status().json()
        openapi, asyncapi = (
            http.get(service[f"{name}_url"]).raise_for_status().json() for name in ("openapi", "asyncapi")
        )
    return Specifications(Rest(openapi, rest_url), Live(asyncapi))


@dataclass(frozen=True, slots=True)
class Specifications:
    """Both halves of what a target says of itself."""

    rest: "Rest"
    live: "Live"


class Rest:
    """The OpenAPI document of a target. Raises AssertionError where something is not as it says."""

    def __init__(self, document: Any, rest_url: str) -> None:
        # The document names the shapes of addresses; this target has one of them.
        self._api = OpenAPI.from_dict(
            {**document, "servers": [{"url": rest_url}]},
            config=Config(extra_media_type_deserializers={"application/problem+json": json.loads}),
        )

    async def saw(self, response: httpx.Response) -> None:
        """Judge a request and its answer; an event hook of httpx."""
        await response.aread()
        request, answer = _Request(response.request), _Answer(response)
        exchange = f"{response.request.method} {response.request.url} -> {response.status_code}"
        try:
            self._api.validate_response(request, answer)
        except PathError:
            assert response.is_error, f"{exchange} is no documented operation"
            return
        except OpenAPIError as error:
            raise AssertionError(
                f"{exchange} is not as documented: {_told(error)}: {response.text}"
            ) from error
        wrong = self._wrong(request)
        if response.is_success:
            assert not wrong, f"{exchange} was accepted, but the request is not as documented: {wrong}"
        elif _refused_as_invalid(response):
            assert wrong, f"{exchange} was refused, but the request is as documented: {response.text}"

    def _wrong(self, request: "_Request") -> str:
        try:
            self._api.validate_request(request)
        except OpenAPIError as error:
            return _told(error)
        except RecursionError:
            return "nested without end"
        return ""


class Live:
    """The AsyncAPI document of a target. Raises AssertionError where something is not as it says."""

    def __init__(self, document: Any) -> None:
        self._document = document
        operations = document["operations"].values()
        self._answers = {
            name: set(self._names(operation["reply"]["messages"]))
            for operation in operations
            if operation["action"] == "receive"
            for name in self._names(operation["messages"])
        }
        unasked = {
            name for one in operations if one["action"] == "send" for name in self._names(one["messages"])
        }
        self._sent = {name: self._validator(name) for name in self._answers}
        self._told = {name: self._validator(name) for name in unasked.union(*self._answers.values())}
        self._codes = {one["code"]: one["answers"] for one in self._message("error")["x-errors"]}

    def told(self, text: str) -> None:
        """Judge a frame of the server."""
        frame = json.loads(text)
        validator = self._told.get(frame["type"])
        assert validator is not None, f"the server sends no frame of this type, says its document: {text}"
        wrong = [error.message for error in validator.iter_errors(frame)]
        assert not wrong, f"a frame is not as documented: {wrong}: {text}"

    def answered(self, text: str, answer: Any) -> None:
        """Judge a frame of a client by what the server made of it."""
        if len(text.encode(errors="surrogatepass")) > MAX_FRAME_BYTES:
            return
        wrong = self._wrong(text)
        if answer["type"] == "error" and answer["code"] in UNREADABLE:
            assert wrong, f"{answer} refused a frame that is as documented: {text}"
            return
        assert not wrong, f"{answer} accepted a frame that is not as documented: {wrong}: {text}"
        sent = json.loads(text)["type"]
        assert answer["type"] in self._answers[sent], f"{answer} is no documented answer to {sent}"
        if answer["type"] == "error":
            assert sent in self._codes[answer["code"]], f"{answer} is no documented error of {sent}"

    def _wrong(self, text: str) -> list[str]:
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError) as error:
            return [str(error)]
        if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
            return ["no object with a type"]
        validator = self._sent.get(frame["type"])
        if validator is None:
            return ["no type that clients send"]
        return [error.message for error in validator.iter_errors(frame)]

    def _validator(self, name: str) -> Draft202012Validator:
        payload = self._message(name)["payload"]
        return Draft202012Validator(
            {"components": self._document["components"], "allOf": [payload]},
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )

    def _message(self, name: str) -> Any:
        messages = self._document["components"]["messages"].values()
        return next(message for message in messages if message["name"] == name)

    def _names(self, references: Iterable[dict[str, str]]) -> Iterable[str]:
        for reference in references:
            key = reference["$ref"].rpartition("/")[2]
            yield self._document["components"]["messages"][key]["name"]


class _Request:
    """A request of httpx as openapi-core reads it."""

    def __init__(self, request: httpx.Request) -> None:
        self.host_url = f"{request.url.scheme}://{request.url.netloc.decode()}"
        self.path = request.url.path
        self.method = request.method.lower()
        self.body: bytes | None = request.content or None
        self.content_type = request.headers.get("content-type", "application/json")
        # openapi-core takes no empty value, whatever its schema says, and "" is a good ``since``.
        query = parse_qsl(request.url.query.decode(), keep_blank_values=True)
        self.parameters = RequestParameters(
            query=ImmutableMultiDict([one for one in query if one != ("since", "")]),
            header=Headers(request.headers.multi_items()),
        )


class _Answer:
    """An answer of httpx as openapi-core reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self.status_code = response.status_code
        self.content_type = response.headers.get("content-type", "")
        self.headers = Headers(response.headers.multi_items())
        self.data: bytes | None = response.content


def _refused_as_invalid(response: httpx.Response) -> bool:
    if response.status_code != httpx.codes.BAD_REQUEST:
        return False
    problem = response.json()
    beyond = any(rule in error["message"] for error in problem["errors"] for rule in RULES_BEYOND_SCHEMAS)
    return problem["code"] == "invalid_request" and not beyond


def _told(error: BaseException) -> str:
    """Return what an error says and what the errors behind it say."""
    said = [str(error)]
    while (cause := error.__cause__) is not None:
        said += [found.message for found in getattr(cause, "schema_errors", ())] or [str(cause)]
        error = cause
    return ": ".join(said)

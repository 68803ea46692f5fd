"""The OpenAPI document against the code that it speaks of."""

import inspect
from typing import Any

import msgspec
import pytest

from app import app
from chalicelib.api.rest import bodies
from chalicelib.api.rest.problems import FRAMEWORK_PROBLEMS
from chalicelib.errors import GameNightError
from infra.specifications import openapi as generator
from infra.specifications.examples import sample
from infra.specifications.schemas import Incomplete
from tests.specifications.conftest import tree, within, wrong

OF_NO_OPERATION = {"not_found", "method_not_allowed"}
"""Codes of answers to what is no operation, so that none can list them."""

OF_FRAMES = {
    "auth_timeout",
    "connection_unknown",
    "invalid_frame",
    "not_authenticated",
    "subject_mismatch",
    "too_many_frames",
    "too_many_subscriptions",
    "unknown_type",
}


def operations(openapi: Any) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    }


def resolved(openapi: Any, reference: Any) -> Any:
    while "$ref" in reference:
        found = openapi
        for part in reference["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        reference = found
    return reference


def codes(openapi: Any) -> set[str]:
    return {
        code
        for response in openapi["components"]["responses"].values()
        for code in response["content"].get("application/problem+json", {}).get("examples", {})
    }


def test_routes_and_descriptions_must_match() -> None:
    routes = {path: methods for path, methods in app.routes.items() if path != "/api/tokens"}

    with pytest.raises(Incomplete, match=r"/api/quiz.*/api/tokens"):
        generator.document({**routes, "/api/quiz": routes["/api"]})


def test_an_error_without_a_sample_is_refused() -> None:
    with pytest.raises(Incomplete, match="out_of_pizza"):
        sample("out_of_pizza")


def test_every_body_that_is_read_is_sent(openapi: Any) -> None:
    read = {
        name
        for name, kind in inspect.getmembers(bodies, inspect.isclass)
        if issubclass(kind, msgspec.Struct) and kind.__module__ == bodies.__name__
    }

    sent = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for operation in operations(openapi).values()
        if "requestBody" in operation
    }

    assert sent == read


def test_every_code_is_documented_and_no_other(openapi: Any) -> None:
    ours = {kind.code for kind in tree(GameNightError)} - OF_FRAMES
    frameworks = {code for code, _ in FRAMEWORK_PROBLEMS.values()}

    assert codes(openapi) == (ours | frameworks) - OF_NO_OPERATION


def test_every_operation_says_what_it_does_and_who_may(openapi: Any) -> None:
    for name, operation in operations(openapi).items():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"][0] in {tag["name"] for tag in openapi["tags"]}, name
        assert "500" in operation["responses"], name
        assert ("401" in operation["responses"]) == bool(operation["security"]), name
        assert ("403" in operation["responses"]) == bool(operation["security"]), name


def test_every_example_is_as_its_schema_says(openapi: Any) -> None:
    shown = 0
    for one in within(openapi):
        if "schema" not in one:
            continue
        values = [example["value"] for example in one.get("examples", {}).values()]
        values += [one["example"]] if "example" in one else []
        for value in values:
            assert wrong(openapi, one["schema"], value) == []
            shown += 1
    assert shown > 30


def test_every_operation_shows_a_request_and_its_answers(openapi: Any) -> None:
    for name, operation in operations(openapi).items():
        if name.endswith(".json"):
            continue  # a specification within itself would show little
        if "requestBody" in operation:
            assert "example" in operation["requestBody"]["content"]["application/json"], name
        for status, response in operation["responses"].items():
            for content in resolved(openapi, response).get("content", {}).values():
                gateways = content["schema"].get("$ref", "").endswith("/GatewayAnswer")
                assert gateways or "example" in content or "examples" in content, (name, status)

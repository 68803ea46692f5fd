from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.apigateway.rest_event import RestRequest, rest_event, routed
from infra.local.deployment import Moment

MOMENT = Moment(datetime(2025, 11, 1, 20, 0, 0, 123_000, UTC), "request-1")
RESOURCES = (
    "/",
    "/api",
    "/api/sessions",
    "/api/sessions/{id}",
    "/api/sessions/active",
    "/api/sessions/{id}/games",
)
REQUEST = RestRequest(
    method="POST",
    path="/api/sessions/17",
    query="limit=1&limit=2&since=",
    headers=[("host", "localhost:5000"), ("x-twice", "a"), ("x-twice", "b"), ("user-agent", "curl")],
    body=b'{"notes": "\xc3\xa9"}',
    source_ip="127.0.0.1",
)


def made_of(request: RestRequest) -> Any:
    event = rest_event(RESOURCES, request, MOMENT)
    assert event is not None
    return event


def test_an_event_has_what_api_gateway_sends() -> None:
    event = made_of(REQUEST)

    assert [*event] == [
        *("resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters"),
        *("multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext"),
        *("body", "isBase64Encoded"),
    ]
    assert (event["body"], event["isBase64Encoded"]) == ('{"notes": "é"}', False)
    context = event["requestContext"]
    assert (event["resource"], event["path"]) == ("/api/sessions/{id}", "/api/sessions/17")
    assert event["pathParameters"] == {"id": "17"}
    assert (context["resourcePath"], context["httpMethod"]) == ("/api/sessions/{id}", "POST")
    assert (context["stage"], context["path"]) == ("local", "/local/api/sessions/17")
    assert (context["requestId"], context["domainName"]) == ("request-1", "localhost:5000")
    assert (context["requestTime"], context["requestTimeEpoch"]) == (
        "01/Nov/2025:20:00:00 +0000",
        1_762_027_200_123,
    )
    assert (context["identity"]["sourceIp"], context["identity"]["userAgent"]) == ("127.0.0.1", "curl")


def test_of_a_repeated_header_or_parameter_the_last_counts() -> None:
    event = made_of(REQUEST)

    assert event["headers"]["x-twice"] == "b"
    assert event["multiValueHeaders"]["x-twice"] == ["a", "b"]
    assert event["queryStringParameters"] == {"limit": "2", "since": ""}
    assert event["multiValueQueryStringParameters"] == {"limit": ["1", "2"], "since": [""]}


def test_what_is_absent_is_null() -> None:
    event = made_of(replace(REQUEST, path="/api", query="", body=b""))

    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["pathParameters"] is None
    assert event["body"] is None


def test_a_body_may_be_no_text() -> None:
    assert made_of(replace(REQUEST, body=b"\xff"))["body"] == "�"


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", {}),
        ("/api", "/api", {}),
        ("/api/", "/api", {}),
        ("/api/sessions/17", "/api/sessions/{id}", {"id": "17"}),
        ("/api/sessions/active", "/api/sessions/active", {}),
        ("/api/sessions/17/games", "/api/sessions/{id}/games", {"id": "17"}),
        ("/api/sessions/a%2Fb", "/api/sessions/{id}", {"id": "a%2Fb"}),
    ],
)
def test_a_path_is_routed_to_its_resource(path: str, resource: str, parameters: dict[str, str]) -> None:
    assert routed(RESOURCES, path) == (resource, parameters)


@pytest.mark.parametrize("path", ["/nope", "/api/nope", "/api/sessions/1/2/3", "/API"])
def test_a_path_that_is_nobodys_is_routed_nowhere(path: str) -> None:
    assert rest_event(RESOURCES, replace(REQUEST, path=path), MOMENT) is None

import asyncio
from typing import Any

import httpx
import pytest

from infra.local.apigateway.limits import Limits
from infra.local.functions.environment import FunctionFailed
from tests.integration.local.conftest import Stage


async def request(stage: Stage, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=stage.rest_url) as http:
        return await http.request(method, path, **options)


async def test_a_request_is_an_event_and_the_functions_answer_the_response(stage: Stage) -> None:
    stage.handlers["api_handler"] = lambda event: {
        "statusCode": 201,
        "headers": {"Location": "things/1", "Content-Type": "text/plain"},
        "body": event["body"],
    }

    response = await request(stage, "POST", "/api/things?a=1", content="é")

    assert (response.status_code, response.text) == (201, "é")
    assert response.headers["location"] == "things/1"
    event = await stage.events["api_handler"].get()
    assert event["queryStringParameters"] == {"a": "1"}
    assert event["requestContext"]["domainName"] == f"127.0.0.1:{stage.port}"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nope"), ("DELETE", "/api/things"), ("OPTIONS", "/api/things")]
)
async def test_what_was_not_deployed_is_refused_as_aws_does(stage: Stage, method: str, path: str) -> None:
    response = await request(stage, method, path)

    assert response.status_code == 403
    assert response.json() == {"message": "Missing Authentication Token"}
    assert stage.events["api_handler"].empty()


async def test_a_preflight_is_answered_by_the_gateway_where_a_route_allows_other_origins(
    stage: Stage,
) -> None:
    response = await request(stage, "OPTIONS", "/api/open")

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-methods"] == "GET,OPTIONS"


async def test_a_function_that_fails_is_a_bad_gateway(stage: Stage) -> None:
    def fail(_event: Any) -> None:
        raise FunctionFailed("it raised")

    stage.handlers["api_handler"] = fail

    response = await request(stage, "GET", "/api/things")

    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})


async def test_a_function_that_is_too_slow_for_the_gateway_is_a_timeout() -> None:
    async def hang(_event: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async with Stage(Limits(integration_seconds=0), {"api_handler": hang}).serving() as stage:
        response = await request(stage, "GET", "/api/things")

    assert (response.status_code, response.json()) == (504, {"message": "Endpoint request timed out"})


async def test_a_body_that_is_too_large_never_reaches_the_function() -> None:
    async with Stage(Limits(request_bytes=10)).serving() as stage:
        response = await request(stage, "POST", "/api/things", content=b"x" * 11)

        assert response.status_code == 413
        assert stage.events["api_handler"].empty()


async def test_the_stream_is_looked_at_after_what_may_have_changed_something(stage: Stage) -> None:
    await request(stage, "GET", "/api/things")
    assert stage.changes == 0

    await request(stage, "POST", "/api/things")
    assert stage.changes == 1

import asyncio
from typing import Any

import pytest

from infra.local.apigateway.limits import Limits
from infra.local.functions.environment import FunctionFailed, IntegrationTimedOut
from tests.integration.local.conftest import Stage


async def test_a_request_is_an_event_and_its_answer_the_response(stage: Stage) -> None:
    stage.handlers["api_handler"] = lambda event: {
        "statusCode": 201,
        "headers": {"Location": "things/1", "Content-Type": "text/plain"},
        "body": event["body"],
    }

    response = await stage.request("POST", "/api/things?a=1", content="é")

    assert (response.status_code, response.text) == (201, "é")
    assert response.headers["location"] == "things/1"
    event = await stage.events["api_handler"].get()
    assert event["queryStringParameters"] == {"a": "1"}
    assert event["requestContext"]["domainName"] == f"127.0.0.1:{stage.port}"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nope"), ("DELETE", "/api/things"), ("OPTIONS", "/api/things")]
)
async def test_what_was_not_deployed_is_refused(stage: Stage, method: str, path: str) -> None:
    response = await stage.request(method, path)

    assert response.status_code == 403
    assert response.json() == {"message": "Missing Authentication Token"}
    assert response.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert stage.events["api_handler"].empty()


async def test_a_token_for_what_was_not_deployed_is_read_as_a_signature(stage: Stage) -> None:
    response = await stage.request("GET", "/nope", headers={"Authorization": "Bearer eyJ.eyJ.x"})

    assert response.status_code == 403
    assert response.json()["message"].startswith("Invalid key=value pair (missing equal-sign)")
    assert response.headers["x-amzn-errortype"] == "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (FunctionFailed("it raised"), 502, "Internal server error"),
        (IntegrationTimedOut("too slow"), 504, "Endpoint request timed out"),
    ],
)
async def test_a_function_without_an_answer_is_a_gateway_error(
    stage: Stage, failure: Exception, status: int, message: str
) -> None:
    async def fail(_event: Any) -> None:
        raise failure

    stage.handlers["api_handler"] = fail

    response = await stage.request("GET", "/api/things")

    assert (response.status_code, response.json()) == (status, {"message": message})


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with Stage(Limits(request_bytes=10)).serving() as stage:
        response = await stage.request("POST", "/api/things", content=b"x" * 11)

        assert response.status_code == 413
        assert stage.events["api_handler"].empty()


async def test_both_addresses_of_localhost_are_served(stage: Stage) -> None:
    for host in ("127.0.0.1", "localhost"):
        _, writer = await asyncio.open_connection(host, stage.port)
        writer.close()

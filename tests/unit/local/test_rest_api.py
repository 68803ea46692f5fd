from typing import Any

import pytest

from infra.local.apigateway.rest_api import FUNCTION_FAILED, rest_answer


def test_a_proxy_response_is_an_http_answer() -> None:
    answer = rest_answer(
        {
            "statusCode": 201,
            "headers": {"Location": "sessions/1"},
            "multiValueHeaders": {},
            "body": '{"id":1}',
        }
    )

    assert (answer.status, answer.body) == (201, b'{"id":1}')
    assert answer.headers == [("location", "sessions/1"), ("content-type", "application/json")]


def test_a_header_with_many_values_is_sent_many_times() -> None:
    answer = rest_answer(
        {"statusCode": 200, "headers": {"Set-Cookie": "a"}, "multiValueHeaders": {"Set-Cookie": ["a", "b"]}}
    )

    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a", "b"]


def test_a_binary_body_is_decoded() -> None:
    answer = rest_answer({"statusCode": 200, "body": "/w==", "isBase64Encoded": True})

    assert answer.body == b"\xff"


@pytest.mark.parametrize(
    "response", [None, "text", {}, {"statusCode": "x"}, {"statusCode": 200, "body": {"a": 1}}]
)
def test_what_is_no_proxy_response_is_a_bad_gateway(response: Any) -> None:
    assert rest_answer(response) is FUNCTION_FAILED
    assert FUNCTION_FAILED.status == 502

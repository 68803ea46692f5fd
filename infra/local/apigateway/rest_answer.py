"""What API Gateway's REST API makes of a function's answer, or of its lack."""

import base64
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """An HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def gateway_answer(status: int, message: str, error_type: str) -> RestAnswer:
    """Return an answer that API Gateway gives without having reached the function, or after it failed."""
    headers = (("content-type", "application/json"), ("x-amzn-errortype", error_type))
    return RestAnswer(status, headers, json.dumps({"message": message}, separators=(",", ":")).encode())


NO_SUCH_ROUTE = gateway_answer(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
TOO_LARGE = gateway_answer(413, "Request Too Long", "RequestEntityTooLargeException")
FUNCTION_FAILED = gateway_answer(502, "Internal server error", "InternalServerErrorException")
FUNCTION_TOO_SLOW = gateway_answer(504, "Endpoint request timed out", "InternalServerErrorException")


def rest_answer(response: Any) -> RestAnswer:
    """Return what a client gets for a function's answer; one that is no proxy response is a 502."""
    try:
        status = int(response["statusCode"])
        content = response.get("body") or ""
        body = base64.b64decode(content) if response.get("isBase64Encoded") else content.encode()
        headers = [(name.lower(), str(value)) for name, value in (response.get("headers") or {}).items()]
        for name, values in (response.get("multiValueHeaders") or {}).items():
            headers = [header for header in headers if header[0] != name.lower()]
            headers += [(name.lower(), str(value)) for value in values]
    except (KeyError, TypeError, ValueError, AttributeError):
        return FUNCTION_FAILED
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    return RestAnswer(status, tuple(headers), body)

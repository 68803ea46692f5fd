"""Every address that the service names is one that the client can reach, whatever lies between them."""

import re

import httpx
import pytest

from tests.clients import PATIENCE_SECONDS, Target

PROXIED = {"X-Forwarded-Host": "nights.example", "X-Forwarded-Proto": "https"}


def ask(target: Target, path: str, headers: dict[str, str]) -> httpx.Response:
    return httpx.get(f"{target.rest_url}{path}", headers=headers, timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"Host": "192.168.1.7:5000"}, "://192.168.1.7:5000"),
        ({"Host": "localhost:8080"}, "://localhost:8080"),
        (PROXIED, "s://nights.example"),
        ({**PROXIED, "X-Forwarded-Prefix": "/games/"}, "s://nights.example/games"),
        ({"Host": "a;script-src *"}, "://localhost"),
    ],
)
def test_the_addresses_are_those_of_the_request(
    target: Target, headers: dict[str, str], address: str
) -> None:
    described = ask(target, "/api", headers).json()
    page = ask(target, "/", headers)

    live = f"ws{address}/api/sessions/live"
    assert described["websocket_url"] == live
    assert described["openapi_url"] == f"http{address}/api/openapi.json"
    assert described["asyncapi_url"] == f"http{address}/api/asyncapi.json"
    assert f'data-websocket="{live}"' in page.text
    origin = re.match(r"\w+://[^/]+", live)
    assert origin is not None
    assert f"connect-src 'self' {origin[0]};" in page.headers["content-security-policy"]


@pytest.mark.parametrize("prefix", ["", "/games"])
def test_a_location_is_below_the_prefix_of_a_proxy(target: Target, prefix: str) -> None:
    headers = {"Authorization": f"Bearer {target.token('admin')}", **PROXIED, "X-Forwarded-Prefix": prefix}

    started = httpx.post(f"{target.rest_url}/api/sessions", headers=headers, timeout=PATIENCE_SECONDS)

    assert started.headers["location"] == f"{prefix}/api/sessions/{started.json()['id']}"

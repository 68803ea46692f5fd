"""``GET /api`` and ``GET /api/health``: what a client can know before it has a token."""

from dataclasses import replace

import pytest

from tests.clients import Target


async def test_anyone_may_ask_what_this_is_and_where_to_connect(target: Target) -> None:
    async with target.host(token=None) as anyone:
        answer = await anyone.http.get("/api")

    described = answer.json()
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert described["name"] == "Game Night Live"
    assert described["version"]
    async with replace(target, websocket_url=described["websocket_url"]).bot() as bot:
        assert (await bot.ask({"type": "ping"}))["type"] == "pong"


async def test_anyone_may_ask_whether_requests_are_served(target: Target) -> None:
    async with target.host(token=None) as anyone:
        described = (await anyone.http.get("/api")).json()
        answer = await anyone.http.get("/api/health")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "version": described["version"]}


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
async def test_anyone_may_read_the_specifications(target: Target, name: str) -> None:
    async with target.host(token=None) as anyone:
        described = (await anyone.http.get("/api")).json()
        answer = await anyone.http.get(described[f"{name}_url"])

    assert described[f"{name}_url"] == f"{target.rest_url}/api/{name}.json"
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()[name].startswith("3.")
    assert answer.json()["info"]["version"] == described["version"]

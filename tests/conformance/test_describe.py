"""What anyone gets without a token: ``GET /api``, ``GET /api/health``, the specifications and the page."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.clients import PATIENCE_SECONDS, Host, Target

TYPES = {
    "js": "text/javascript",
    "css": "text/css",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}


@pytest.fixture
async def anyone(target: Target) -> AsyncIterator[Host]:
    async with target.host(token=None) as host:
        yield host


@pytest.fixture
async def described(anyone: Host) -> Any:
    return await anyone.read("/api")


async def test_the_description_says_where_to_connect(target: Target, described: Any) -> None:
    assert described["name"] == "Game Night Live"
    assert described["version"]
    async with replace(target, websocket_url=described["websocket_url"]).bot() as bot:
        assert (await bot.ask({"type": "ping"}))["type"] == "pong"


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
async def test_the_specifications_are_served(target: Target, anyone: Host, described: Any, name: str) -> None:
    document = await anyone.read(f"/api/{name}.json")

    assert described[f"{name}_url"] == f"{target.rest_url}/api/{name}.json"
    assert document[name].startswith("3.")
    assert document["info"]["version"] == described["version"]


def get(target: Target, path: str, **headers: str) -> httpx.Response:
    return httpx.get(urljoin(f"{target.rest_url}/", path), headers=headers, timeout=PATIENCE_SECONDS)


def test_the_page_runs_only_its_own_scripts(target: Target) -> None:
    page = get(target, "")

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Game Night Live</title>" in page.text
    live = urlsplit(target.websocket_url)
    policy = dict(one.strip().split(" ", 1) for one in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {live.scheme}://{live.netloc}"
    assert re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page.text) is None


def test_the_pages_files_are_kept_by_browsers(target: Target) -> None:
    page = get(target, "")
    files = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)

    for address in files:
        file = get(target, address)
        assert file.status_code == 200, address
        assert file.headers["content-type"].partition(";")[0] == TYPES[address.rpartition(".")[2]]
        assert "immutable" in file.headers["cache-control"]
        assert file.headers["x-content-type-options"] == "nosniff"
    assert len(files) > 10
    again = get(target, "", **{"If-None-Match": page.headers["etag"]})
    assert page.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")

"""The page as it is served: to anyone, below whatever path the service has, and with a strict policy."""

import re
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.clients import PATIENCE_SECONDS, Target

TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


def read(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def page(target: Target) -> httpx.Response:
    return read(f"{target.rest_url}/")


def test_anyone_may_open_the_page(page: httpx.Response) -> None:
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>Game Night Live</title>" in page.text


def test_it_may_run_only_its_own_scripts_and_call_only_this_service(
    target: Target, page: httpx.Response
) -> None:
    policy = dict(one.strip().split(" ", 1) for one in page.headers["content-security-policy"].split(";"))

    live = urlsplit(target.websocket_url)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {live.scheme}://{live.netloc}"
    assert policy["frame-ancestors"] == "'none'"
    assert re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page.text) is None


def test_all_that_it_names_is_there_and_kept_for_good(target: Target, page: httpx.Response) -> None:
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    for address in named:
        answer = read(urljoin(f"{target.rest_url}/", address))
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].partition(";")[0] == TYPES[address.rpartition(".")[2]]
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(named) > 10


def test_what_has_not_changed_is_not_sent_again(target: Target, page: httpx.Response) -> None:
    again = read(f"{target.rest_url}/", **{"If-None-Match": page.headers["etag"]})

    assert page.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


def test_files_of_another_edition_are_those_of_this_one_and_are_looked_for_again(target: Target) -> None:
    answer = read(f"{target.rest_url}/page/of-yesterday/main.js")

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["page.html", "web.py", "nothing.js"])
def test_nothing_else_is_served(target: Target, name: str) -> None:
    answer = read(f"{target.rest_url}/page/any/{name}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"

"""Who may do what, says the OpenAPI document: every operation is asked by nobody and by a bot.

That all else is as the documents say is no test of its own: every test's requests, answers and frames are
judged by them (see ``tests/specified.py``).
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.clients import Host, Target

NO_SESSION = "9007199254740992"
"""The last id that there can be, so that nothing happens to anybody's session."""


@pytest.fixture
async def operations(target: Target) -> list[tuple[str, str, Any]]:
    async with target.host(token=None) as anyone:
        document = (await anyone.http.get("/api/openapi.json")).json()
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.fixture
async def nobody(target: Target) -> AsyncIterator[Host]:
    async with target.host(token=None) as host:
        yield host


@pytest.fixture
async def bot(target: Target) -> AsyncIterator[Host]:
    async with target.host(target.token("bot")) as host:
        yield host


async def asked(host: Host, method: str, path: str, operation: Any) -> httpx.Response:
    """Send the example that the document shows, about no session that there is."""
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json", {}).get("example")
    return await host.http.request(method, path.replace("{session_id}", NO_SESSION), json=body)


async def test_nobody_is_let_in_where_a_token_is_asked_for_and_only_there(
    operations: list[tuple[str, str, Any]], nobody: Host
) -> None:
    for method, path, operation in operations:
        answer = await asked(nobody, method, path, operation)

        assert (answer.status_code == 401) == bool(operation["security"]), (method, path)


async def test_a_bot_may_do_what_is_not_an_admins_alone(
    operations: list[tuple[str, str, Any]], bot: Host
) -> None:
    for method, path, operation in operations:
        answer = await asked(bot, method, path, operation)

        admins_only = operation["security"] == [{"token": ["admin"]}]
        assert (answer.status_code == 403) == admins_only, (method, path)

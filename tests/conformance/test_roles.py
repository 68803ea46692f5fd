"""Who may do what, route by route: nobody without a token, a bot what bots may, an admin everything."""

from typing import Any

import httpx
import pytest

from tests.clients import Host, Target
from tests.conformance.problems import challenge, problem

OF_ADMINS = {
    "POST /api/sessions": {},
    "POST /api/sessions/{id}/games": {"title": "Quiplash"},
    "POST /api/sessions/{id}/close": {},
    "POST /api/tokens": {"name": "kosmi", "ttl_seconds": 3600},
}
OF_ANYONE_WITH_A_TOKEN = {
    "GET /api/sessions": None,
    "GET /api/sessions/active": None,
    "GET /api/sessions/{id}": None,
    "GET /api/sessions/{id}/events": None,
    "POST /api/sessions/{id}/votes": {"username": "zoe", "type": "up"},
}
ROUTES: dict[str, Any] = {**OF_ADMINS, **OF_ANYONE_WITH_A_TOKEN}

pytestmark = pytest.mark.usefixtures("game")


async def ask(somebody: Host, route: str, night_id: object) -> httpx.Response:
    method, path = route.split(" ")
    return await somebody.http.request(method, path.format(id=night_id), json=ROUTES[route])


@pytest.mark.parametrize("route", ROUTES)
async def test_every_route_asks_for_a_good_token(target: Target, host: Host, night: Any, route: str) -> None:
    for token, code in [
        (None, "token_missing"),
        ("junk", "token_invalid"),
        (target.token("admin", ttl=-60), "token_expired"),
    ]:
        async with target.host(token) as somebody:
            answer = await ask(somebody, route, night["id"])

        problem(answer, 401, code)
        assert challenge(answer) == "Bearer"
    assert len(await host.polled(night["id"])) == 2


@pytest.mark.parametrize("route", ROUTES)
async def test_a_bot_may_read_and_vote(target: Target, host: Host, night: Any, route: str) -> None:
    async with target.host(target.token("bot")) as bot:
        answer = await ask(bot, route, night["id"])

    if route in OF_ADMINS:
        assert "admin" in problem(answer, 403, "forbidden")["detail"]
        assert len(await host.polled(night["id"])) == 2
    else:
        assert answer.is_success, answer.text


@pytest.mark.parametrize("route", [route for route in ROUTES if "{id}" in route])
async def test_routes_of_a_night_know_no_others(host: Host, route: str) -> None:
    for night_id in (2**53, 2**53 + 1, 0, -1, "01", "1.5", "x", "9" * 30):
        problem(await ask(host, route, night_id), 404, "session_not_found")

"""Who may do what, route by route: nobody without a token, a bot what bots may, an admin everything."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.clients import Host, Target
from tests.conformance.problems import challenge, problem


@dataclass(frozen=True)
class Route:
    """A method, a path, and a body that is as the contract says."""

    method: str
    path: str
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    async def asked_by(self, somebody: Host, night_id: object) -> httpx.Response:
        path = self.path.format(id=night_id)
        if self.method == "GET":
            return await somebody.http.get(path)
        return await somebody.send(path, self.body)


OF_ADMINS = [
    Route("POST", "/api/sessions", {}),
    Route("POST", "/api/sessions/{id}/games", {"title": "Quiplash"}),
    Route("POST", "/api/sessions/{id}/close", {}),
    Route("POST", "/api/tokens", {"name": "kosmi", "ttl_seconds": 3600}),
]
OF_ANYONE_WITH_A_TOKEN = [
    Route("GET", "/api/sessions"),
    Route("GET", "/api/sessions/active"),
    Route("GET", "/api/sessions/{id}"),
    Route("GET", "/api/sessions/{id}/events"),
    Route("POST", "/api/sessions/{id}/votes", {"username": "zoe", "type": "up"}),
]
ALL = [*OF_ADMINS, *OF_ANYONE_WITH_A_TOKEN]


@pytest.fixture
async def night(host: Host) -> Any:
    session = await host.start()
    await host.add_game(session["id"])
    return session


@pytest.mark.parametrize("route", ALL, ids=str)
async def test_every_route_asks_for_a_token(target: Target, host: Host, night: Any, route: Route) -> None:
    async with target.host(token=None) as nobody:
        answer = await route.asked_by(nobody, night["id"])

    problem(answer, 401, "token_missing")
    assert challenge(answer) == "Bearer"
    assert len(await host.polled(night["id"])) == 2


@pytest.mark.parametrize("route", ALL, ids=str)
async def test_every_route_refuses_a_token_that_is_none_of_ours(
    target: Target, night: Any, route: Route
) -> None:
    async with target.host("junk") as stranger:
        answer = await route.asked_by(stranger, night["id"])

    problem(answer, 401, "token_invalid")


@pytest.mark.parametrize("route", ALL, ids=str)
async def test_every_route_refuses_a_token_that_has_expired(target: Target, night: Any, route: Route) -> None:
    async with target.host(target.token("admin", ttl=-60)) as late:
        answer = await route.asked_by(late, night["id"])

    problem(answer, 401, "token_expired")


@pytest.mark.parametrize("route", OF_ADMINS, ids=str)
async def test_what_is_an_admins_is_refused_to_a_bot_and_changes_nothing(
    target: Target, host: Host, night: Any, route: Route
) -> None:
    async with target.host(target.token("bot")) as bot:
        answer = await route.asked_by(bot, night["id"])

    document = problem(answer, 403, "forbidden")
    assert "admin" in document["detail"]
    assert len(await host.polled(night["id"])) == 2


@pytest.mark.parametrize("route", OF_ANYONE_WITH_A_TOKEN, ids=str)
async def test_a_bot_may_read_and_vote(target: Target, night: Any, route: Route) -> None:
    async with target.host(target.token("bot")) as bot:
        answer = await route.asked_by(bot, night["id"])

    assert answer.is_success, answer.text


@pytest.mark.parametrize("route", ALL, ids=str)
async def test_an_admin_may_do_everything(host: Host, night: Any, route: Route) -> None:
    answer = await route.asked_by(host, night["id"])

    assert answer.is_success, answer.text


@pytest.mark.parametrize("route", [route for route in ALL if "{id}" in route.path], ids=str)
async def test_every_route_of_a_night_knows_no_other_nights(host: Host, route: Route) -> None:
    for night_id in (2**53, 2**53 + 1, 0, -1, "01", "1.5", "x", "9" * 30):
        answer = await route.asked_by(host, night_id)

        problem(answer, 404, "session_not_found")

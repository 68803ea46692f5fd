"""``Idempotency-Key`` on every POST: a request under one key happens once, however often it is sent."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from tests.clients import Host, Target
from tests.conformance.problems import problem

BODIES: dict[str, Any] = {
    "/api/sessions": {"notes": "one"},
    "/api/sessions/{id}/games": {"title": "Fibbage"},
    "/api/sessions/{id}/votes": {"username": "zoe", "type": "up"},
    "/api/tokens": {"name": "kosmi", "ttl_seconds": 60},
    "/api/sessions/{id}/close": {},
}

OF_A_NIGHT = [route for route in BODIES if "{id}" in route]

pytestmark = pytest.mark.usefixtures("game")


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


async def events_of(host: Host, night: Any) -> int:
    """Return how many events there are in a night after its start and its game."""
    return len(await host.polled(night["id"])) - 2


def assert_same(first: httpx.Response, second: httpx.Response) -> None:
    assert first.is_success, first.text
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers.get("location") == first.headers.get("location")


@pytest.mark.parametrize("route", BODIES)
async def test_a_keyed_request_happens_once(host: Host, night: Any, key: dict[str, str], route: str) -> None:
    path = route.format(**night)

    answers = await asyncio.gather(*(host.send(path, BODIES[route], key) for _ in range(10)))
    answers.append(await host.send(path, BODIES[route], key))

    for answer in answers:
        assert_same(answers[0], answer)
    if route.endswith("votes"):
        await host.counted(night["id"], answers[0].json())
    assert await events_of(host, night) == (route in OF_A_NIGHT)


@pytest.mark.parametrize("route", BODIES)
async def test_a_key_belongs_to_one_user(
    target: Target, host: Host, night: Any, key: dict[str, str], route: str
) -> None:
    first = await host.send(route.format(**night), BODIES[route], key)

    async with target.host(target.token("admin", "another-host")) as other:
        second = await other.send(route.format(**night), BODIES[route], key)

    # A night ends once, whoever asks: theirs is a request of its own, and refused as such.
    statuses = (first.status_code, second.status_code)
    assert statuses == (200, 409) or {*statuses} <= {201, 202}
    assert second.content != first.content


async def test_a_refusal_does_not_use_up_the_key(host: Host, key: dict[str, str]) -> None:
    session = await host.start()
    path = f"/api/sessions/{session['id']}/votes"

    problem(await host.send(path, {"username": 5}, key), 400, "invalid_request")
    problem(await host.send(path, {"username": "zoe", "type": "up"}, key), 409, "no_game")
    await host.add_game(session["id"])
    accepted = await host.send(path, {"username": "zoe", "type": "up"}, key)

    assert accepted.status_code in {201, 202}, accepted.text

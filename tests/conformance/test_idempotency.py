"""``Idempotency-Key`` on every POST: a request under one key happens once, however often it is sent."""

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest

from tests.clients import Bot, Host, Target
from tests.conformance.problems import problem

BODIES: dict[str, tuple[Any, Any]] = {
    "/api/sessions": ({"notes": "one"}, {"notes": "other"}),
    "/api/sessions/{id}/games": ({"title": "Fibbage"}, {"title": "Drawful"}),
    "/api/sessions/{id}/votes": ({"username": "zoe", "type": "up"}, {"username": "zoe", "type": "down"}),
    "/api/tokens": ({"name": "kosmi", "ttl_seconds": 60}, {"name": "kosmi", "ttl_seconds": 61}),
    "/api/sessions/{id}/close": ({}, None),
}
"""A body for each route, and another one where there can be another."""

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
async def test_a_request_under_one_key_happens_once(
    host: Host, night: Any, key: dict[str, str], route: str
) -> None:
    path = route.format(**night)

    answers = await asyncio.gather(*(host.send(path, BODIES[route][0], key) for _ in range(10)))
    answers.append(await host.send(path, BODIES[route][0], key))

    for answer in answers:
        assert_same(answers[0], answer)
    assert await events_of(host, night) == (route in OF_A_NIGHT)


async def test_a_start_under_one_key_is_announced_once(bot: Bot, host: Host, key: dict[str, str]) -> None:
    once = f"once, {uuid.uuid4()}"

    for _ in range(2):
        await host.start(once, key)
    await bot.hear_start_of((await host.start())["id"])

    announced = [json.loads(text)["data"]["session"] for text in bot.heard]
    assert len({session["id"] for session in announced if session["notes"] == once}) == 1


@pytest.mark.parametrize("route", [*BODIES][:-1])
async def test_another_body_under_a_used_key_is_refused(
    host: Host, night: Any, key: dict[str, str], route: str
) -> None:
    path, (body, other_body) = route.format(**night), BODIES[route]
    first = await host.send(path, body, key)

    answer = await host.send(path, other_body, key)

    problem(answer, 422, "idempotency_mismatch")
    assert_same(first, await host.send(path, body, key))
    assert await events_of(host, night) == (route in OF_A_NIGHT)


@pytest.mark.parametrize("route", OF_A_NIGHT)
async def test_a_key_belongs_to_one_night_and_route(
    host: Host, night: Any, key: dict[str, str], route: str
) -> None:
    other = await host.start()
    await host.add_game(other["id"])
    await host.send(route.format(**night), BODIES[route][0], key)

    for elsewhere in OF_A_NIGHT:
        answer = await host.send(elsewhere.format(**other), BODIES[elsewhere][0], key)
        problem(answer, 422, "idempotency_mismatch")
    assert await events_of(host, other) == 0


@pytest.mark.parametrize("route", BODIES)
async def test_a_key_belongs_to_one_user(
    target: Target, host: Host, night: Any, key: dict[str, str], route: str
) -> None:
    first = await host.send(route.format(**night), BODIES[route][0], key)

    async with target.host(target.token("admin", "another-host")) as other:
        second = await other.send(route.format(**night), BODIES[route][0], key)

    # A night ends once, whoever asks: theirs is a request of its own, and refused as such.
    assert (first.status_code, second.status_code) in {(201, 201), (200, 409)}
    assert second.content != first.content


@pytest.mark.parametrize("route", BODIES)
async def test_a_bad_key_is_refused_by_name(host: Host, night: Any, route: str) -> None:
    for bad in ("", "x" * 256):
        answer = await host.send(route.format(**night), BODIES[route][0], {"Idempotency-Key": bad})

        document = problem(answer, 400, "invalid_request")
        assert [error["field"] for error in document["errors"]] == ["Idempotency-Key"]
    assert await events_of(host, night) == 0


async def test_a_refusal_does_not_use_up_the_key(host: Host, key: dict[str, str]) -> None:
    session = await host.start()
    path = f"/api/sessions/{session['id']}/votes"

    problem(await host.send(path, {"username": 5}, key), 400, "invalid_request")
    problem(await host.send(path, {"username": "zoe", "type": "up"}, key), 409, "no_game")
    await host.add_game(session["id"])
    accepted = await host.send(path, {"username": "zoe", "type": "up"}, key)

    assert accepted.status_code == 201, accepted.text


async def test_the_first_answer_under_a_key_stays(host: Host, night: Any, key: dict[str, str]) -> None:
    path, body = f"/api/sessions/{night['id']}/votes", {"username": "zoe", "type": "up"}
    first = await host.send(path, body, key)

    await host.vote(night["id"], "max")
    await host.close(night["id"])

    assert_same(first, await host.send(path, body, key))

"""``Idempotency-Key`` on every POST: once under one key, whatever is sent how often. See also sessions."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.clients import Host, Target
from tests.conformance.problems import problem


@dataclass(frozen=True)
class Request:
    """A POST, the same with another body, and the events that it makes in its night."""

    path: str
    body: Any
    other_body: Any
    events: int


SESSIONS = Request("/api/sessions", {"notes": "one"}, {"notes": "other"}, 0)
GAMES = Request("/api/sessions/{id}/games", {"title": "Fibbage"}, {"title": "Drawful"}, 1)
VOTES = Request(
    "/api/sessions/{id}/votes", {"username": "zoe", "type": "up"}, {"username": "zoe", "type": "down"}, 1
)
CLOSE = Request("/api/sessions/{id}/close", {}, None, 1)
TOKENS = Request("/api/tokens", {"name": "kosmi", "ttl_seconds": 60}, {"name": "kosmi", "ttl_seconds": 61}, 0)

EVERY_POST = pytest.mark.parametrize(
    "request_", [SESSIONS, GAMES, VOTES, CLOSE, TOKENS], ids=["sessions", "games", "votes", "close", "tokens"]
)
OF_A_NIGHT = pytest.mark.parametrize("request_", [GAMES, VOTES, CLOSE], ids=["games", "votes", "close"])


@pytest.fixture
async def night(host: Host) -> Any:
    session = await host.start()
    await host.add_game(session["id"])
    return session


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


async def made_in(host: Host, night: Any) -> int:
    """Return how many events there are in a night after its start and its game."""
    return len(await host.polled(night["id"])) - 2


def are_one_answer(first: httpx.Response, second: httpx.Response) -> None:
    assert first.is_success, first.text
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers.get("location") == first.headers.get("location")


@EVERY_POST
async def test_the_same_request_under_a_key_is_answered_the_same_and_happens_once(
    host: Host, night: Any, key: dict[str, str], request_: Request
) -> None:
    path = request_.path.format(**night)

    first, second = [await host.send(path, request_.body, key) for _ in range(2)]

    are_one_answer(first, second)
    assert await made_in(host, night) == request_.events


@EVERY_POST
async def test_one_key_at_ten_places_at_once_happens_once(
    host: Host, night: Any, key: dict[str, str], request_: Request
) -> None:
    path = request_.path.format(**night)

    answers = await asyncio.gather(*(host.send(path, request_.body, key) for _ in range(10)))

    for answer in answers:
        are_one_answer(answers[0], answer)
    assert await made_in(host, night) == request_.events


@pytest.mark.parametrize(
    "request_", [SESSIONS, GAMES, VOTES, TOKENS], ids=["sessions", "games", "votes", "tokens"]
)
async def test_another_body_under_a_used_key_is_refused_and_does_nothing(
    host: Host, night: Any, key: dict[str, str], request_: Request
) -> None:
    path = request_.path.format(**night)
    first = await host.send(path, request_.body, key)

    answer = await host.send(path, request_.other_body, key)
    again = await host.send(path, request_.body, key)

    problem(answer, 422, "idempotency_mismatch")
    are_one_answer(first, again)
    assert await made_in(host, night) == request_.events


@OF_A_NIGHT
async def test_a_key_that_was_used_for_one_night_is_refused_for_another(
    host: Host, night: Any, key: dict[str, str], request_: Request
) -> None:
    other = await host.start()
    await host.add_game(other["id"])
    await host.send(request_.path.format(**night), request_.body, key)

    answer = await host.send(request_.path.format(**other), request_.body, key)

    problem(answer, 422, "idempotency_mismatch")
    assert await made_in(host, other) == 0


async def test_a_key_that_was_used_for_one_route_is_refused_for_another(
    host: Host, night: Any, key: dict[str, str]
) -> None:
    await host.post({}, key)

    answer = await host.send(f"/api/sessions/{night['id']}/close", {}, key)

    problem(answer, 422, "idempotency_mismatch")
    assert await made_in(host, night) == 0


@pytest.mark.parametrize("request_", [GAMES, VOTES], ids=["games", "votes"])
async def test_another_key_is_another_request(host: Host, night: Any, request_: Request) -> None:
    for _ in range(2):
        answer = await host.send(
            request_.path.format(**night), request_.body, {"Idempotency-Key": str(uuid.uuid4())}
        )
        assert answer.status_code == 201

    assert await made_in(host, night) == 2


@EVERY_POST
async def test_a_key_belongs_to_who_used_it(
    target: Target, host: Host, night: Any, key: dict[str, str], request_: Request
) -> None:
    path = request_.path.format(**night)
    first = await host.send(path, request_.body, key)

    async with target.host(target.token("admin", "another-host")) as other:
        second = await other.send(path, request_.body, key)

    # A night ends once, whoever asks: theirs is a request of its own, and refused as such.
    assert (first.status_code, second.status_code) in {(201, 201), (200, 409)}
    assert second.content != first.content


@EVERY_POST
@pytest.mark.parametrize("junk", ["", "x" * 256])
async def test_a_key_that_is_none_is_refused(host: Host, night: Any, request_: Request, junk: str) -> None:
    answer = await host.send(request_.path.format(**night), request_.body, {"Idempotency-Key": junk})

    document = problem(answer, 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == ["Idempotency-Key"]
    assert await made_in(host, night) == 0


async def test_a_refusal_does_not_use_up_the_key(host: Host, key: dict[str, str]) -> None:
    session = await host.start()
    path, body = f"/api/sessions/{session['id']}/votes", {"username": "zoe", "type": "up"}

    refused = await host.send(path, body, key)
    await host.add_game(session["id"])
    accepted = await host.send(path, body, key)

    problem(refused, 409, "no_game")
    assert accepted.status_code == 201, accepted.text


async def test_an_answer_under_a_key_stays_the_first_whatever_happens_after_it(
    host: Host, night: Any, key: dict[str, str]
) -> None:
    path, body = f"/api/sessions/{night['id']}/votes", {"username": "zoe", "type": "up"}
    first = await host.send(path, body, key)
    await host.vote(night["id"], "max")
    await host.close(night["id"])

    are_one_answer(first, await host.send(path, body, key))

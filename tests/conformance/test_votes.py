"""``POST /api/sessions/{id}/votes``: one vote of each name for each game, the latest counts."""

from typing import Any

import pytest

from tests.clients import Host, Target
from tests.conformance.nights import is_a_timestamp
from tests.conformance.problems import problem


async def totals(host: Host, session_id: int) -> list[tuple[int, int, int]]:
    """Return up, down and score of each game of a session."""
    games = (await host.read(f"/api/sessions/{session_id}"))["games"]
    return [tuple(game["totals"][each] for each in ("upvotes", "downvotes", "score")) for game in games]


@pytest.mark.usefixtures("game")
async def test_a_vote_is_answered_as_the_contract_shows(target: Target, host: Host, night: Any) -> None:
    answer = await host.send(f"/api/sessions/{night['id']}/votes", {"username": "Zoë 🎲", "type": "up"})

    counted = await host.counted(night["id"], answer.json())
    timestamp = counted["vote"]["timestamp"]
    assert answer.status_code == (201 if "totals" in answer.json() else 202)
    assert answer.json().items() <= counted.items()
    assert counted == {
        "session": {"id": night["id"]},
        "game": {"id": 1, "title": "Quiplash"},
        "vote": {"username": "Zoë 🎲", "type": "up", "timestamp": timestamp},
        "totals": {"upvotes": 1, "downvotes": 0, "score": 1},
    }
    assert is_a_timestamp(timestamp)
    assert timestamp >= night["created_at"]
    location = answer.url.join(answer.headers["location"])
    assert str(location) == f"{target.rest_url}/api/sessions/{night['id']}"


@pytest.mark.usefixtures("game")
async def test_a_vote_is_for_the_newest_game_unless_named(host: Host, night: Any) -> None:
    await host.vote(night["id"], "zoe", "down")
    await host.add_game(night["id"], "Fibbage")

    newest = await host.vote(night["id"], "zoe")
    null = await host.vote(night["id"], "max", game_id=None)
    earlier = await host.vote(night["id"], "max", game_id=1)

    assert newest["game"] == null["game"] == {"id": 2, "title": "Fibbage"}
    assert earlier["game"] == {"id": 1, "title": "Quiplash"}
    assert await totals(host, night["id"]) == [(1, 1, 0), (2, 0, 2)]


async def test_a_vote_needs_a_game_that_exists(host: Host, night: Any) -> None:
    path, vote = f"/api/sessions/{night['id']}/votes", {"username": "zoe", "type": "up"}

    problem(await host.send(path, vote), 409, "no_game")
    await host.add_game(night["id"])
    for game_id in (2, 2**53):
        problem(await host.send(path, {**vote, "game_id": game_id}), 404, "game_not_found")
    assert await totals(host, night["id"]) == [(0, 0, 0)]

"""``POST /api/sessions/{id}/votes``: one vote of each name for each game, the latest counts."""

from typing import Any

import pytest

from tests.clients import Host, Target
from tests.conformance.nights import NO_SESSION, is_a_timestamp
from tests.conformance.problems import problem

COMPOSED, DECOMPOSED = "Zo\u00eb", "Zoe\u0308"


@pytest.fixture
async def night(host: Host) -> Any:
    session = await host.start()
    await host.add_game(session["id"])
    return session


async def totals(host: Host, session_id: int) -> list[tuple[int, int, int]]:
    """Return up, down and score of each game of a session."""
    games = (await host.read(f"/api/sessions/{session_id}"))["games"]
    return [tuple(game["totals"][each] for each in ("upvotes", "downvotes", "score")) for game in games]


async def test_a_vote_is_answered_with_what_it_was_for_and_what_it_made(host: Host, night: Any) -> None:
    answer = await host.send(f"/api/sessions/{night['id']}/votes", {"username": "Zoë 🎲", "type": "up"})

    assert answer.status_code == 201
    counted = answer.json()
    timestamp = counted["vote"]["timestamp"]
    assert counted == {
        "session": {"id": night["id"]},
        "game": {"id": 1, "title": "Quiplash"},
        "vote": {"username": "Zoë 🎲", "type": "up", "timestamp": timestamp},
        "totals": {"upvotes": 1, "downvotes": 0, "score": 1},
    }
    assert is_a_timestamp(timestamp)
    assert timestamp >= night["created_at"]


async def test_the_location_leads_to_the_session_that_shows_the_tallies(
    target: Target, host: Host, night: Any
) -> None:
    answer = await host.send(f"/api/sessions/{night['id']}/votes", {"username": "zoe", "type": "up"})

    location = answer.url.join(answer.headers["location"])
    assert str(location) == f"{target.rest_url}/api/sessions/{night['id']}"


async def test_a_score_is_what_is_for_it_less_what_is_against_it(host: Host, night: Any) -> None:
    for username, way in [("a", "up"), ("b", "down"), ("c", "down"), ("d", "down")]:
        counted = await host.vote(night["id"], username, way)

    assert counted["totals"] == {"upvotes": 1, "downvotes": 3, "score": -2}
    assert await totals(host, night["id"]) == [(1, 3, -2)]


@pytest.mark.parametrize(
    ("ways", "counted"),
    [
        (["up", "up"], (1, 0, 1)),
        (["up", "down"], (0, 1, -1)),
        (["down", "up"], (1, 0, 1)),
        (["up", "down", "down", "up", "down"], (0, 1, -1)),
    ],
)
async def test_the_latest_vote_of_a_name_is_the_one_that_counts(
    host: Host, night: Any, ways: list[str], counted: tuple[int, int, int]
) -> None:
    for way in ways:
        answer = await host.vote(night["id"], "zoe", way)

    assert answer["vote"]["type"] == ways[-1]
    assert tuple(answer["totals"].values()) == counted
    assert await totals(host, night["id"]) == [counted]


@pytest.mark.parametrize("again", ["ZOE", "  zoe\t", "Zoe"])
async def test_a_name_is_one_name_however_it_is_written(host: Host, night: Any, again: str) -> None:
    await host.vote(night["id"], "zoe", "up")

    counted = await host.vote(night["id"], again, "down")

    assert counted["vote"]["username"] == again
    assert await totals(host, night["id"]) == [(0, 1, -1)]


async def test_a_name_is_one_name_however_it_is_encoded(host: Host, night: Any) -> None:
    await host.vote(night["id"], COMPOSED, "up")
    await host.vote(night["id"], DECOMPOSED, "down")

    assert await totals(host, night["id"]) == [(0, 1, -1)]


async def test_different_names_are_different_voters(host: Host, night: Any) -> None:
    for username in ("zoe", "zoë", "zo e", "z#oe", "0001#zoe", "x" * 80, "🎲" * 80):
        await host.vote(night["id"], username)

    assert await totals(host, night["id"]) == [(7, 0, 7)]


async def test_who_may_vote_for_others_votes_for_them_under_their_names(
    target: Target, host: Host, night: Any
) -> None:
    async with target.host(target.token("bot")) as bot:
        await bot.vote(night["id"], "zoe", "up")
    await host.vote(night["id"], "zoe", "down")

    assert await totals(host, night["id"]) == [(0, 1, -1)]


async def test_a_vote_that_names_no_game_is_for_the_newest(host: Host, night: Any) -> None:
    await host.add_game(night["id"], "Fibbage")

    implied = await host.vote(night["id"], "zoe")
    said_so = await host.vote(night["id"], "max", game_id=None)

    assert implied["game"] == said_so["game"] == {"id": 2, "title": "Fibbage"}
    assert await totals(host, night["id"]) == [(0, 0, 0), (2, 0, 2)]


async def test_an_earlier_game_can_still_be_voted_for(host: Host, night: Any) -> None:
    await host.add_game(night["id"], "Fibbage")

    counted = await host.vote(night["id"], "zoe", game_id=1)

    assert counted["game"] == {"id": 1, "title": "Quiplash"}
    assert await totals(host, night["id"]) == [(1, 0, 1), (0, 0, 0)]


async def test_a_name_has_a_vote_for_each_game(host: Host, night: Any) -> None:
    await host.vote(night["id"], "zoe", "up")
    await host.add_game(night["id"], "Fibbage")
    await host.vote(night["id"], "zoe", "down")

    assert await totals(host, night["id"]) == [(1, 0, 1), (0, 1, -1)]


async def test_a_name_has_a_vote_in_each_night(host: Host, night: Any) -> None:
    other = await host.start()
    await host.add_game(other["id"])

    await host.vote(night["id"], "zoe", "up")
    await host.vote(other["id"], "zoe", "down")

    assert await totals(host, night["id"]) == [(1, 0, 1)]
    assert await totals(host, other["id"]) == [(0, 1, -1)]


async def test_without_a_game_there_is_nothing_to_vote_for(host: Host) -> None:
    session = await host.start()

    answer = await host.send(f"/api/sessions/{session['id']}/votes", {"username": "zoe", "type": "up"})

    problem(answer, 409, "no_game")


@pytest.mark.parametrize("game_id", [2, 2**53])
async def test_a_game_that_does_not_exist_cannot_be_voted_for(host: Host, night: Any, game_id: int) -> None:
    body = {"username": "zoe", "type": "up", "game_id": game_id}

    answer = await host.send(f"/api/sessions/{night['id']}/votes", body)

    problem(answer, 404, "game_not_found")
    assert await totals(host, night["id"]) == [(0, 0, 0)]


async def test_a_night_that_does_not_exist_counts_no_vote(host: Host) -> None:
    answer = await host.send(f"/api/sessions/{NO_SESSION}/votes", {"username": "zoe", "type": "up"})

    problem(answer, 404, "session_not_found")


async def test_a_night_that_has_ended_counts_no_vote(host: Host, night: Any) -> None:
    await host.vote(night["id"], "zoe")
    await host.close(night["id"])

    answer = await host.send(f"/api/sessions/{night['id']}/votes", {"username": "max", "type": "up"})

    problem(answer, 409, "session_closed")
    assert await totals(host, night["id"]) == [(1, 0, 1)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("username", value) for value in (None, 5, "", " \n", "x" * 81, ["zoe"])),
        *(("type", value) for value in (None, "UP", "sideways", "", 1, True, "++")),
        *(("game_id", value) for value in (0, -1, 1.5, "1", True, 2**53 + 1)),
    ],
)
async def test_a_field_that_is_not_in_the_contract_is_refused(
    host: Host, night: Any, field: str, value: object
) -> None:
    body = {"username": "zoe", "type": "up", field: value}

    answer = await host.send(f"/api/sessions/{night['id']}/votes", body)

    document = problem(answer, 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == [field]


@pytest.mark.parametrize(
    "body",
    [{}, {"type": "up"}, {"username": "zoe"}, {"username": "zoe", "type": "up", "weight": 2}, [], None],
)
async def test_a_body_of_another_shape_is_refused(host: Host, night: Any, body: object) -> None:
    answer = await host.send(f"/api/sessions/{night['id']}/votes", body)

    assert problem(answer, 400, "invalid_request")["errors"]
    assert await totals(host, night["id"]) == [(0, 0, 0)]

"""``POST /api/sessions/{id}/games``: what a host may add to a night, and what the host is answered."""

import asyncio
from typing import Any

import pytest

from tests.clients import Host, Target
from tests.conformance.nights import NO_SESSION
from tests.conformance.problems import problem

PLAYERS = ("min_players", "max_players")


@pytest.fixture
async def night(host: Host) -> Any:
    return await host.start()


async def test_a_game_is_answered_as_the_contract_shows_it(host: Host, night: Any) -> None:
    body = {"title": "Quiplash", "pack_name": "Party Pack 2", "min_players": 3, "max_players": 8}

    answer = await host.send(f"/api/sessions/{night['id']}/games", body)

    assert answer.status_code == 201
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert answer.json() == {"id": 1, **body}
    assert list(answer.json()) == ["id", "title", "pack_name", "min_players", "max_players"]


async def test_the_location_leads_to_the_session_that_shows_the_game(
    target: Target, host: Host, night: Any
) -> None:
    answer = await host.send(f"/api/sessions/{night['id']}/games", {"title": "Quiplash"})

    location = answer.url.join(answer.headers["location"])
    assert str(location) == f"{target.rest_url}/api/sessions/{night['id']}"


@pytest.mark.parametrize("nothing", [{}, {"pack_name": None, "min_players": None, "max_players": None}])
async def test_all_but_the_title_may_be_left_out(host: Host, night: Any, nothing: dict[str, None]) -> None:
    game = await host.add_game(night["id"], "Quiplash", **nothing)

    assert game == {
        "id": 1,
        "title": "Quiplash",
        "pack_name": None,
        "min_players": None,
        "max_players": None,
    }


@pytest.mark.parametrize(
    "text", ["Bühne frei für Zoë 🎲", '"quoted" \\ and </script>', "x" * 200, "🎲" * 200]
)
async def test_texts_come_back_as_they_were_sent(host: Host, night: Any, text: str) -> None:
    game = await host.add_game(night["id"], text, pack_name=text)

    assert (game["title"], game["pack_name"]) == (text, text)
    assert (await host.read(f"/api/sessions/{night['id']}"))["games"][0]["title"] == text


@pytest.mark.parametrize(("least", "most"), [(1, 1), (1, 1000), (1000, 1000), (None, 4), (4, None)])
async def test_a_game_says_how_many_can_play(
    host: Host, night: Any, least: int | None, most: int | None
) -> None:
    game = await host.add_game(night["id"], min_players=least, max_players=most)

    assert (game["min_players"], game["max_players"]) == (least, most)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in ("title", "pack_name") for value in (5, "", " \t", "x" * 201, ["x"])),
        *((field, value) for field in PLAYERS for value in (0, -1, 1001, 1.5, "3", True)),
        ("title", None),
        ("title", "🎲" * 201),
    ],
)
async def test_a_field_that_is_not_in_the_contract_is_refused(
    host: Host, night: Any, field: str, value: object
) -> None:
    answer = await host.send(f"/api/sessions/{night['id']}/games", {"title": "Quiplash", field: value})

    document = problem(answer, 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == [field]


@pytest.mark.parametrize("body", [{}, {"pack_name": "x"}, {"title": "x", "id": 7}, [], "Quiplash", None])
async def test_a_body_of_another_shape_is_refused(host: Host, night: Any, body: object) -> None:
    answer = await host.send(f"/api/sessions/{night['id']}/games", body)

    assert problem(answer, 400, "invalid_request")["errors"]


async def test_fewer_players_at_most_than_at_least_are_refused(host: Host, night: Any) -> None:
    body = {"title": "Quiplash", "min_players": 4, "max_players": 3}

    answer = await host.send(f"/api/sessions/{night['id']}/games", body)

    assert problem(answer, 400, "invalid_request")["errors"][0]["field"] == "min_players"


async def test_what_was_refused_has_used_up_no_number(host: Host, night: Any) -> None:
    await host.add_game(night["id"])
    await host.send(f"/api/sessions/{night['id']}/games", {"title": 5})

    assert (await host.add_game(night["id"]))["id"] == 2


async def test_games_added_at_once_are_numbered_without_gaps(host: Host, night: Any) -> None:
    titles = [f"game {number}" for number in range(10)]

    games = await asyncio.gather(*(host.add_game(night["id"], title) for title in titles))

    shown = (await host.read(f"/api/sessions/{night['id']}"))["games"]
    assert sorted(game["id"] for game in games) == list(range(1, 11))
    assert [game["id"] for game in shown] == list(range(1, 11))
    assert {game["id"]: game["title"] for game in shown} == {game["id"]: game["title"] for game in games}


async def test_the_same_title_may_be_played_twice(host: Host, night: Any) -> None:
    games = [await host.add_game(night["id"], "Quiplash") for _ in range(2)]

    assert [game["id"] for game in games] == [1, 2]


async def test_each_night_counts_its_own_games(host: Host, night: Any) -> None:
    await host.add_game(night["id"])
    other = await host.start()

    assert (await host.add_game(other["id"]))["id"] == 1


async def test_a_night_that_does_not_exist_gets_no_game(host: Host) -> None:
    answer = await host.send(f"/api/sessions/{NO_SESSION}/games", {"title": "Quiplash"})

    problem(answer, 404, "session_not_found")


async def test_a_night_that_has_ended_gets_no_game(host: Host, night: Any) -> None:
    await host.close(night["id"])

    answer = await host.send(f"/api/sessions/{night['id']}/games", {"title": "Quiplash"})

    problem(answer, 409, "session_closed")
    assert (await host.read(f"/api/sessions/{night['id']}"))["games"] == []

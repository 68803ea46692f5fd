"""Which games the page offers, and which it picks, as the rule in ``picks.js`` says."""

import json
import subprocess
from collections import Counter
from typing import Any

import pytest

from tests.gateway import ROOT
from tests.installed import installed

PICKS = json.dumps((ROOT / "chalicelib/page/picks.js").as_uri())


def computed(expression: str, **given: Any) -> Any:
    """Return what JavaScript makes of some values."""
    names = ", ".join(given)
    program = f"""import {{ knownGames, pick }} from {PICKS};
    const {{ {names} }} = JSON.parse(process.argv[1]); console.log(JSON.stringify({expression}));"""
    command = [installed("node"), "--input-type=module", "-e", program, "--", json.dumps(given)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def game(title: str, up: int = 0, down: int = 0, **more: Any) -> dict[str, Any]:
    about = {"title": title, "pack_name": None, "min_players": None, "max_players": None}
    return {**about, "upvotes": up, "downvotes": down, "played": 1, "lately": False, **more}


def on(title: str, up: int = 0, down: int = 0, **more: Any) -> dict[str, Any]:
    """Return a game as a night has it."""
    totals = {"upvotes": up, "downvotes": down, "score": up - down}
    about = {"title": title, "pack_name": None, "min_players": None, "max_players": None}
    return {**about, "totals": totals, **more}


def picks(games: list[dict[str, Any]], times: int = 100, **options: Any) -> Counter[str | None]:
    """Return how often each title is picked by random numbers that lie evenly from 0 to 1."""
    one = "(_, at) => pick(games, { ...options, random: () => at / times })?.title ?? null"
    each = f"Array.from({{ length: times }}, {one})"
    return Counter(computed(each, games=games, times=times, options=options))


def test_a_title_is_one_game_over_nights_and_lists() -> None:
    nights = [
        [],
        [on("quiplash", 1, 2), on("Quiplash", 3, pack_name="Pack 2"), on("Fibbage")],
        [on("Quiplash ", 1, pack_name="Pack 1", min_players=3)],
    ]
    listed = [{**game("QUIPLASH"), "max_players": 8}, {"title": "Wingspan", "max_players": 5}]

    known = computed("knownGames(nights, list)", nights=nights, list=listed)

    assert [one["title"] for one in known] == ["Fibbage", "Quiplash", "Wingspan"]
    about = {"pack_name": "Pack 2", "min_players": 3, "max_players": 8}
    assert known[1] == game("Quiplash", 5, 2, played=2, lately=True, **about)
    assert (known[2]["played"], known[2]["lately"], known[2]["max_players"]) == (0, False, 5)


def test_what_people_voted_up_is_picked_more_often() -> None:
    titles = picks([game("+4", 6, 2), game("0"), game("-3", 0, 3), game("+90", 90)], times=175)

    assert titles == {"+4": 50, "0": 10, "-3": 5, "+90": 110}


def test_what_was_on_in_the_last_night_is_picked_rarely() -> None:
    titles = picks([game("last night", 9, lately=True), game("before", 9)], times=110)

    assert titles == {"last night": 10, "before": 100}


@pytest.mark.parametrize(
    ("players", "fitting"),
    [
        (2, {"any", "to 3"}),
        (3, {"any", "to 3", "3 to 5"}),
        (5, {"any", "3 to 5"}),
        (6, {"any", "6 and more"}),
        (None, {"any", "to 3", "3 to 5", "6 and more"}),
    ],
)
def test_only_games_that_take_so_many_are_picked(players: int | None, fitting: set[str]) -> None:
    limited = [game("to 3", max_players=3), game("3 to 5", min_players=3, max_players=5)]

    titles = picks([game("any"), *limited, game("6 and more", min_players=6)], players=players)

    assert titles.keys() == fitting


def test_a_game_of_tonight_is_never_picked() -> None:
    games = [game("Quiplash", 9), game("Fibbage")]

    assert picks(games, tonight=["QUIPLASH "]).keys() == {"Fibbage"}
    assert picks(games, tonight=["Quiplash", "Fibbage"]).keys() == {None}
    assert picks([]).keys() == {None}


def test_a_game_that_was_passed_over_comes_when_no_other_is_left() -> None:
    games = [game("a"), game("b"), game("c")]

    assert picks(games, passed=["a", "b"]).keys() == {"c"}
    assert picks(games, passed=["c", "a", "b"]).keys() == {"a", "c"}
    assert picks(games[:1], passed=["a"]).keys() == {"a"}

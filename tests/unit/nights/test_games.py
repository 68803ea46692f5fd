import json
from dataclasses import replace

import pytest

from chalicelib.errors import SessionClosed, TooManyGames
from chalicelib.limits import MAX_GAMES
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.games import Game, NewGame, add_game
from chalicelib.nights.sessions import Session

NOW = "2025-11-01T20:05:00.000Z"
NIGHT = Session(17, "e17", 1, "2025-11-01T20:00:00.123Z", "Friday Game Night")


def test_a_games_event_is_the_contracts_to_the_byte() -> None:
    _, _, event = add_game(NIGHT, NewGame("Quiplash", "Party Pack 2", 3, 8), now=NOW)

    assert event.envelope == (
        '{"type":"game.added","timestamp":"2025-11-01T20:05:00.000Z","data":{'
        '"session":{"id":17,"is_active":1,"games_played":1},'
        '"game":{"id":1,"title":"Quiplash","pack_name":"Party Pack 2","min_players":3,"max_players":8}}}'
    )
    assert (event.stream, event.cursor) == ("session:17", Cursor("e17", 2))


def test_games_are_numbered_in_the_order_in_which_they_come() -> None:
    once, first, _ = add_game(NIGHT, NewGame("a"), now=NOW)
    twice, second, _ = add_game(once, NewGame("b"), now=NOW)

    assert (first.id, second.id) == (1, 2)
    assert (twice.games_played, twice.sequence) == (2, 3)


def test_what_is_not_said_of_a_game_is_null() -> None:
    _, game, event = add_game(NIGHT, NewGame("Quiplash"), now=NOW)

    shown = json.loads(event.envelope)["data"]["game"]
    assert shown == game.as_data()
    assert (shown["pack_name"], shown["min_players"], shown["max_players"]) == (None, None, None)


def test_a_night_that_has_ended_takes_no_game() -> None:
    with pytest.raises(SessionClosed, match="17"):
        add_game(replace(NIGHT, is_active=False), NewGame("Quiplash"), now=NOW)


def test_a_night_takes_so_many_games_and_no_more() -> None:
    nearly = replace(NIGHT, games_played=MAX_GAMES - 1)

    full, _, _ = add_game(nearly, NewGame("last"), now=NOW)

    with pytest.raises(TooManyGames):
        add_game(full, NewGame("one too many"), now=NOW)


def test_a_score_is_what_is_up_less_what_is_down() -> None:
    assert Game(1, "a", None, None, None, upvotes=2, downvotes=5).totals() == {
        "upvotes": 2,
        "downvotes": 5,
        "score": -3,
    }

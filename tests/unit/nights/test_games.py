from dataclasses import replace

import pytest

from chalicelib.errors import TooManyGames
from chalicelib.limits import MAX_GAMES
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.games import NewGame, add_game
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


def test_a_night_takes_so_many_games_and_no_more() -> None:
    nearly = replace(NIGHT, games_played=MAX_GAMES - 1)

    full, _, _ = add_game(nearly, NewGame("last"), now=NOW)

    with pytest.raises(TooManyGames):
        add_game(full, NewGame("one too many"), now=NOW)

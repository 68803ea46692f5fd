import pytest
from msgspec.structs import replace

from chalicelib.errors import GameNightError, GameNotFound, SessionClosed, TooManyGames
from chalicelib.limits import MAX_GAMES
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.games import NewGame, add_game, remove_game
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
    nearly = replace(NIGHT, games_added=MAX_GAMES - 1)

    full, _, _ = add_game(nearly, NewGame("last"), now=NOW)

    with pytest.raises(TooManyGames):
        add_game(full, NewGame("one too many"), now=NOW)


PLAYING = replace(NIGHT, sequence=4, games_added=3)


def test_a_removals_event_is_the_contracts_to_the_byte() -> None:
    after, event = remove_game(PLAYING, 2, "Quiplsh", now=NOW)

    assert event.envelope == (
        '{"type":"game.removed","timestamp":"2025-11-01T20:05:00.000Z","data":{'
        '"session":{"id":17,"is_active":1,"games_played":2},"game":{"id":2,"title":"Quiplsh"}}}'
    )
    assert event.cursor == after.cursor == Cursor("e17", 5)


def test_a_removed_games_id_is_never_used_again() -> None:
    removed, _ = remove_game(PLAYING, 3, "Quiplsh", now=NOW)

    after, game, _ = add_game(removed, NewGame("Quiplash"), now=NOW)

    assert (removed.newest_game, game.id, after.newest_game) == (2, 4, 4)
    assert (after.games_played, after.games_added) == (3, 4)


def test_removed_games_count_among_the_most_that_a_night_takes() -> None:
    full = replace(NIGHT, games_added=MAX_GAMES, removed_games=(1, 2))

    with pytest.raises(TooManyGames, match="removed ones included"):
        add_game(full, NewGame("one too many"), now=NOW)


@pytest.mark.parametrize(
    ("night", "game_id", "error"),
    [
        (PLAYING, 0, GameNotFound),
        (PLAYING, 4, GameNotFound),
        (replace(PLAYING, removed_games=(2,)), 2, GameNotFound),
        (replace(PLAYING, closing=True), 2, SessionClosed),
        (replace(PLAYING, is_active=False), 9, SessionClosed),
    ],
)
def test_a_useless_removal_is_told_why(night: Session, game_id: int, error: type[GameNightError]) -> None:
    with pytest.raises(error, match="17"):
        remove_game(night, game_id, "Quiplash", now=NOW)

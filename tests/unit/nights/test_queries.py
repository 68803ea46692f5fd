import pytest

from chalicelib.errors import SessionNotFound
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.games import NewGame
from chalicelib.nights.queries import Queries
from chalicelib.nights.streams import Streams
from tests.fakes.identity import claims
from tests.fakes.nights import FakeNights


class Nights(FakeNights):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.queries = Queries(self.store, Streams(self.store, self.store, lambda _: None))


@pytest.mark.parametrize(("count", "expected"), [(2, ["c", "b"]), (9, ["c", "b", "a"])])
def test_the_newest_nights_are_listed_newest_first(count: int, expected: list[str]) -> None:
    nights = Nights()
    for notes in ("a", "b", "c"):
        nights.host.start(claims(), notes)

    page = nights.queries.newest(count)

    assert [one.notes for one in page.entries] == expected
    assert (str(page.cursor), page.recovered) == ("fake:3", True)


def test_there_are_no_newest_nights_before_the_first_one() -> None:
    page = Nights().queries.newest(8)

    assert list(page.entries) == []
    assert page.recovered


def test_a_night_that_never_was_has_nothing_to_read() -> None:
    nights = Nights()

    with pytest.raises(SessionNotFound):
        nights.queries.session(1)
    with pytest.raises(SessionNotFound):
        nights.queries.events(1, BEGINNING, 50)


def test_a_night_shows_only_the_games_that_it_has() -> None:
    nights = Nights()
    nights.host.start(claims(), None)
    for title in ("Quiplsh", "Quiplash"):
        nights.host.add_game(claims(), 1, NewGame(title))
    nights.host.remove_game(claims(), 1, 1)

    shown = nights.queries.session(1)

    assert (shown["games_played"], [game["id"] for game in shown["games"]]) == (1, [2])

import pytest

from chalicelib.errors import NoActiveSession, SessionNotFound
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.games import NewGame
from chalicelib.nights.queries import Queries
from chalicelib.nights.streams import Streams
from chalicelib.nights.votes import VoteRequest, VoteType
from tests.fakes.identity import claims
from tests.fakes.nights import FakeNights


class Nights(FakeNights):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.queries = Queries(self.store, Streams(self.store, self.store, lambda _: None))


def test_nights_are_listed_oldest_first_as_they_are_now() -> None:
    nights = Nights()
    for notes in ("a", "b", "c"):
        nights.host.start(claims(), notes)
    nights.host.close(claims(), 2)

    page = nights.queries.sessions(BEGINNING, 50)

    assert [(one.id, one.notes, one.is_active) for one in page.entries] == [
        (1, "a", True),
        (2, "b", False),
        (3, "c", True),
    ]
    assert (str(page.cursor), page.recovered) == ("fake:3", True)


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


def test_the_newest_of_the_active_nights_is_the_active_one() -> None:
    nights = Nights()
    with pytest.raises(NoActiveSession):
        nights.queries.active()
    for _ in range(3):
        nights.host.start(claims(), None)
    nights.host.close(claims(), 3)

    active = nights.queries.active()

    assert (active["id"], active["is_active"], active["ended_at"]) == (2, 1, None)


def test_a_night_is_shown_with_its_games_and_their_tallies() -> None:
    nights = Nights()
    nights.host.start(claims(), "Friday")
    nights.host.add_game(claims(), 1, NewGame("Quiplash"))
    nights.host.add_game(claims(), 1, NewGame("Fibbage", "Party Pack", 2, 8))
    nights.voting.vote(claims(), 1, VoteRequest("zoë", VoteType.DOWN))

    shown = nights.queries.session(1)

    assert shown["games_played"] == 2
    assert shown["games"][1] == {
        "id": 2,
        "title": "Fibbage",
        "pack_name": "Party Pack",
        "min_players": 2,
        "max_players": 8,
        "totals": {"upvotes": 0, "downvotes": 1, "score": -1},
    }


def test_a_night_that_never_was_has_nothing_to_read() -> None:
    nights = Nights()

    with pytest.raises(SessionNotFound):
        nights.queries.session(1)
    with pytest.raises(SessionNotFound):
        nights.queries.events(1, BEGINNING, 50)

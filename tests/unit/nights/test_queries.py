from datetime import UTC, datetime

import pytest

from chalicelib.backoff import Backoff
from chalicelib.errors import NoActiveSession, SessionNotFound
from chalicelib.idempotency import Commits
from chalicelib.nights.cursors import BEGINNING, Cursor
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import GameNights
from chalicelib.nights.queries import Reading, Streams
from chalicelib.nights.votes import Ballot, VoteType
from chalicelib.nights.voting import Voting, VotingStores
from tests.fakes.identity import claims
from tests.fakes.stores import FakeSessionStore

MOMENT = datetime(2025, 11, 1, 20, tzinfo=UTC)


class House:
    def __init__(self) -> None:
        store = FakeSessionStore()
        commits = Commits(store, Backoff())
        self.host = GameNights(store, commits, lambda: MOMENT, lambda: "e")
        self.voting = Voting(VotingStores(store, store, store), commits, lambda: MOMENT, lambda: "id")
        self.reading = Reading(store, Streams(store, store))
        self.store = store


def test_nights_are_listed_oldest_first_as_they_are_now() -> None:
    house = House()
    for notes in ("a", "b", "c"):
        house.host.start(claims(), notes)
    house.host.close(claims(), 2)

    page = house.reading.sessions(BEGINNING, 50)

    assert [(one.id, one.notes, one.is_active) for one in page.entries] == [
        (1, "a", True),
        (2, "b", False),
        (3, "c", True),
    ]
    assert (str(page.cursor), page.recovered) == ("fake:3", True)


def test_the_cursor_of_a_start_lists_what_started_after_it() -> None:
    house = House()
    for notes in ("a", "b", "c"):
        house.host.start(claims(), notes)
    cursor = house.store.log[0].sessions_cursor
    assert cursor is not None

    page = house.reading.sessions(cursor, 50)

    assert [one.notes for one in page.entries] == ["b", "c"]


def test_the_newest_of_the_active_nights_is_the_active_one() -> None:
    house = House()
    with pytest.raises(NoActiveSession):
        house.reading.active()
    for _ in range(3):
        house.host.start(claims(), None)
    house.host.close(claims(), 3)

    active = house.reading.active()

    assert (active["id"], active["is_active"], active["ended_at"]) == (2, 1, None)


def test_a_night_is_shown_with_its_games_and_their_tallies() -> None:
    house = House()
    house.host.start(claims(), "Friday")
    house.host.add_game(claims(), 1, NewGame("Quiplash"))
    house.host.add_game(claims(), 1, NewGame("Fibbage", "Party Pack", 2, 8))
    house.voting.vote(claims(), 1, Ballot("zoë", VoteType.DOWN))

    night = house.reading.session(1)

    assert night["games_played"] == 2
    assert night["games"][1] == {
        "id": 2,
        "title": "Fibbage",
        "pack_name": "Party Pack",
        "min_players": 2,
        "max_players": 8,
        "totals": {"upvotes": 0, "downvotes": 1, "score": -1},
    }


def test_polling_gives_the_very_envelopes_of_the_log() -> None:
    house = House()
    house.host.start(claims(), None)
    house.host.add_game(claims(), 1, NewGame("Quiplash"))
    house.host.close(claims(), 1)

    page = house.reading.events(1, Cursor("e", 1), 50)

    assert [event.envelope for event in page.entries] == [event.envelope for event in house.store.log[1:]]
    assert (str(page.cursor), page.recovered, page.more) == ("e:3", True, False)


def test_a_night_that_never_was_has_nothing_to_read() -> None:
    house = House()

    with pytest.raises(SessionNotFound):
        house.reading.session(1)
    with pytest.raises(SessionNotFound):
        house.reading.events(1, BEGINNING, 50)

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.errors import GameNightError, GameNotFound, NoGame, SessionClosed
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.games import Game
from chalicelib.nights.sessions import Session
from chalicelib.nights.votes import Vote, VoteRequest, VoteType, count_vote, voter_of, withdraw_vote

ASKED, NOW = "2025-11-01T20:09:59.800Z", "2025-11-01T20:10:00.000Z"
NIGHT = Session(17, "e17", 3, "2025-11-01T20:00:00.123Z", None, games_added=2)
GAME = Game(2, "Quiplash", None, None, None, upvotes=4, downvotes=1)


def test_a_votes_event_is_the_contracts_to_the_byte() -> None:
    made = count_vote(NIGHT, GAME, None, Vote(2, "Zoë", VoteType.UP, ASKED), now=NOW)

    assert made.event.envelope == (
        '{"type":"vote.received","timestamp":"2025-11-01T20:10:00.000Z","data":{'
        '"session":{"id":17},"game":{"id":2,"title":"Quiplash"},'
        '"vote":{"username":"Zoë","type":"up","timestamp":"2025-11-01T20:09:59.800Z"},'
        '"totals":{"upvotes":5,"downvotes":1,"score":4}}}'
    )
    assert made.event.cursor == Cursor("e17", 4)
    assert made.session.sequence == 4


def test_a_withdrawals_event_is_the_contracts_to_the_byte() -> None:
    after, game, event = withdraw_vote(NIGHT, GAME, Vote(2, "Zoë", VoteType.UP, ASKED), now=NOW)

    assert event.envelope == (
        '{"type":"vote.withdrawn","timestamp":"2025-11-01T20:10:00.000Z","data":{'
        '"session":{"id":17},"game":{"id":2,"title":"Quiplash"},'
        '"vote":{"username":"Zoë","timestamp":"2025-11-01T20:09:59.800Z"},'
        '"totals":{"upvotes":3,"downvotes":1,"score":2}}}'
    )
    assert event.cursor == after.cursor == Cursor("e17", 4)
    assert (game.upvotes, game.downvotes) == (3, 1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(VoteType))))
def test_tallies_are_always_those_of_the_latest_votes(votes: Sequence[tuple[str, VoteType]]) -> None:
    session, game = NIGHT, Game(2, "Quiplash", None, None, None)
    latest: dict[str, Vote] = {}

    for username, way in votes:
        vote = Vote(2, username, way, ASKED)
        made = count_vote(session, game, latest.get(username), vote, now=NOW)
        session, game, latest[username] = made.session, made.game, vote

    ways = [vote.type for vote in latest.values()]
    assert (game.upvotes, game.downvotes) == (ways.count(VoteType.UP), ways.count(VoteType.DOWN))
    assert session.sequence == NIGHT.sequence + len(votes)


def test_a_vote_without_a_game_is_for_the_newest() -> None:
    assert VoteRequest("zoë", VoteType.UP).vote_in(NIGHT, ASKED) == Vote(2, "zoë", VoteType.UP, ASKED)
    assert VoteRequest("zoë", VoteType.UP, 1).vote_in(NIGHT, ASKED).game_id == 1
    removed = replace(NIGHT, removed_games=(2,))
    assert VoteRequest("zoë", VoteType.UP).vote_in(removed, ASKED).game_id == 1


@pytest.mark.parametrize(
    ("night", "game_id", "error"),
    [
        (replace(NIGHT, games_added=0), None, NoGame),
        (replace(NIGHT, games_added=0), 1, GameNotFound),
        (NIGHT, 3, GameNotFound),
        (replace(NIGHT, removed_games=(2,)), 2, GameNotFound),
        (replace(NIGHT, removed_games=(1, 2)), None, NoGame),
        (NIGHT, 0, GameNotFound),
        (replace(NIGHT, is_active=False), None, SessionClosed),
        (replace(NIGHT, is_active=False), 3, SessionClosed),
        (replace(NIGHT, closing=True), 1, SessionClosed),
    ],
)
def test_a_useless_vote_is_told_why(night: Session, game_id: int | None, error: type[GameNightError]) -> None:
    with pytest.raises(error, match="17"):
        VoteRequest("zoë", VoteType.UP, game_id).vote_in(night, ASKED)


@pytest.mark.parametrize("same", ["Zoë", "ZOË", "Zoe\u0308", " zoë ", "zoË"])
def test_a_voter_is_one_however_the_name_is_typed(same: str) -> None:
    assert voter_of(same) == "zoë"


@pytest.mark.parametrize("other", ["zoe", "zo ë", "zoé"])
def test_another_name_is_another_voter(other: str) -> None:
    assert voter_of(other) != "zoë"


def test_the_longest_name_of_a_voter_fits_into_a_key() -> None:
    characters = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)

    assert max(len(voter_of(one).encode()) for one in characters) == 12

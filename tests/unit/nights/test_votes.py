from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import GameNightError, GameNotFound, NoGame, SessionClosed
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.games import Game
from chalicelib.nights.sessions import Session
from chalicelib.nights.votes import Ballot, Vote, VoteType, cast, voter_of

NOW = "2025-11-01T20:10:00.000Z"
NIGHT = Session(17, "e17", 3, "2025-11-01T20:00:00.123Z", None, games_played=2)
GAME = Game(2, "Quiplash", None, None, None, upvotes=4, downvotes=1)


def test_the_event_of_a_vote_is_the_contracts_down_to_the_order_of_its_keys() -> None:
    made = cast(NIGHT, GAME, None, Ballot("Zoë", VoteType.UP), now=NOW)

    assert made.event.envelope == (
        '{"type":"vote.received","timestamp":"2025-11-01T20:10:00.000Z","data":{'
        '"session":{"id":17},"game":{"id":2,"title":"Quiplash"},'
        '"vote":{"username":"Zoë","type":"up","timestamp":"2025-11-01T20:10:00.000Z"},'
        '"totals":{"upvotes":5,"downvotes":1,"score":4}}}'
    )
    assert made.event.cursor == Cursor("e17", 4)
    assert made.session.sequence == 4


@pytest.mark.parametrize(
    ("earlier", "now_cast", "tallies"),
    [
        (None, VoteType.UP, (5, 1)),
        (None, VoteType.DOWN, (4, 2)),
        (VoteType.UP, VoteType.DOWN, (3, 2)),
        (VoteType.DOWN, VoteType.UP, (5, 0)),
        (VoteType.UP, VoteType.UP, (4, 1)),
        (VoteType.DOWN, VoteType.DOWN, (4, 1)),
    ],
)
def test_the_latest_vote_of_a_voter_is_the_one_that_counts(
    earlier: VoteType | None, now_cast: VoteType, tallies: tuple[int, int]
) -> None:
    before = Vote(2, "zoë", "zoë", earlier, "before") if earlier else None

    made = cast(NIGHT, GAME, before, Ballot("Zoë", now_cast), now=NOW)

    assert (made.game.upvotes, made.game.downvotes) == tallies
    assert made.vote == Vote(2, "zoë", "Zoë", now_cast, NOW)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(VoteType))))
def test_tallies_are_always_those_of_the_latest_votes(ballots: Sequence[tuple[str, VoteType]]) -> None:
    session, game = NIGHT, Game(2, "Quiplash", None, None, None)
    latest: dict[str, Vote] = {}

    for username, way in ballots:
        made = cast(session, game, latest.get(username), Ballot(username, way), now=NOW)
        session, game, latest[username] = made.session, made.game, made.vote

    ways = [vote.type for vote in latest.values()]
    assert (game.upvotes, game.downvotes) == (ways.count(VoteType.UP), ways.count(VoteType.DOWN))
    assert session.sequence == NIGHT.sequence + len(ballots)


def test_a_vote_is_for_the_newest_game_unless_it_names_one() -> None:
    assert Ballot("zoë", VoteType.UP).game_in(NIGHT) == 2
    assert Ballot("zoë", VoteType.UP, 1).game_in(NIGHT) == 1


@pytest.mark.parametrize(
    ("night", "game_id", "error"),
    [
        (replace(NIGHT, games_played=0), None, NoGame),
        (replace(NIGHT, games_played=0), 1, GameNotFound),
        (NIGHT, 3, GameNotFound),
        (NIGHT, 0, GameNotFound),
        (replace(NIGHT, is_active=False), None, SessionClosed),
        (replace(NIGHT, is_active=False), 3, SessionClosed),
    ],
)
def test_a_vote_that_cannot_count_is_told_why(
    night: Session, game_id: int | None, error: type[GameNightError]
) -> None:
    with pytest.raises(error, match="17"):
        Ballot("zoë", VoteType.UP, game_id).game_in(night)


@pytest.mark.parametrize("same", ["Zoë", "ZOË", "Zoe\u0308", " zoë ", "zoË"])
def test_a_voter_is_one_however_the_name_is_typed(same: str) -> None:
    assert voter_of(same) == "zoë"


@pytest.mark.parametrize("other", ["zoe", "zo ë", "zoé"])
def test_another_name_is_another_voter(other: str) -> None:
    assert voter_of(other) != "zoë"


def test_no_character_of_a_voter_takes_more_of_a_key_than_there_is_room_for() -> None:
    characters = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)

    assert max(len(voter_of(one).encode()) for one in characters) == 12

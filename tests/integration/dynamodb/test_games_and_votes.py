import pytest
from msgspec.structs import replace

from chalicelib.idempotency import Record, VersionConflict
from chalicelib.nights.games import Game, remove_game
from chalicelib.nights.ports import Commit, PendingVoteStore, SessionStore, VotingState
from chalicelib.nights.sessions import Session
from chalicelib.nights.votes import CountedVote, PendingVote, Vote, VoteType, count_vote, withdraw_vote
from tests.integration.dynamodb.nights import NOW, added, night

ZOES_VOTE = Vote(1, "Zoë", VoteType.UP, NOW)


def voted(
    store: SessionStore,
    session: Session,
    known: tuple[Game | None, Vote | None],
    vote: Vote,
    record: Record | None = None,
) -> CountedVote:
    game, earlier = known
    assert game is not None
    made = count_vote(session, game, earlier, vote, now=NOW)
    change = Commit(
        session,
        made.session,
        [made.event],
        counted=[(game, made.game)],
        votes=[(earlier, vote)],
        records=[record] if record else [],
    )
    store.commit(change)
    return made


def zoe(store: SessionStore) -> tuple[Game | None, Vote | None]:
    """Return the game 1 and zoë's vote for it."""
    games, votes = store.games_and_votes(1, {(1, "zoë")})
    return games.get(1), votes.get((1, "zoë"))


def test_games_are_read_back_in_order(sessions: SessionStore) -> None:
    night(sessions, "Quiplash", "Fibbage")

    assert sessions.games(1) == [Game(1, "Quiplash", "Pack", 2, 8), Game(2, "Fibbage", "Pack", 2, 8)]
    session = sessions.session(1)
    assert session is not None
    assert (session.games_played, session.sequence) == (2, 3)


def test_many_games_and_votes_are_read_at_once(sessions: SessionStore) -> None:
    session = night(sessions, "Quiplash", "Fibbage")
    for voter, game_id in (("zoë", 1), ("zoë", 2), ("bob", 2)):
        games, _ = sessions.games_and_votes(1, {(game_id, voter)})
        session = voted(
            sessions, session, (games[game_id], None), Vote(game_id, voter, VoteType.UP, NOW)
        ).session

    wanted = {(1, "zoë"), (2, "zoë"), (2, "bob"), (1, "bob"), (3, "zoë")}
    games, votes = sessions.games_and_votes(1, wanted)

    assert {game_id: game.upvotes for game_id, game in games.items()} == {1: 1, 2: 2}
    assert votes[1, "zoë"] == Vote(1, "zoë", VoteType.UP, NOW)
    assert sessions.session(1) == session
    assert sessions.games(2) == []
    assert set(votes) == {(1, "zoë"), (2, "zoë"), (2, "bob")}


def test_an_outdated_change_of_a_session_changes_nothing(sessions: SessionStore) -> None:
    stale = night(sessions, "Quiplash")
    known = zoe(sessions)
    current = added(sessions, stale, "Fibbage")

    with pytest.raises(VersionConflict):
        voted(sessions, stale, known, ZOES_VOTE)

    assert sessions.session(1) == current
    assert zoe(sessions) == known


def test_outdated_tallies_stop_a_vote(sessions: SessionStore) -> None:
    session = night(sessions, "Quiplash")
    game, _ = zoe(sessions)
    assert game is not None

    with pytest.raises(VersionConflict):
        voted(sessions, session, (replace(game, upvotes=7), None), ZOES_VOTE)

    assert sessions.session(1) == session


def test_an_earlier_vote_that_was_not_seen_stops_a_vote(sessions: SessionStore) -> None:
    session = night(sessions, "Quiplash")
    made = voted(sessions, session, zoe(sessions), ZOES_VOTE)

    with pytest.raises(VersionConflict):
        voted(sessions, made.session, (made.game, None), ZOES_VOTE)
    other = replace(ZOES_VOTE, type=VoteType.DOWN)
    with pytest.raises(VersionConflict):
        voted(sessions, made.session, (made.game, other), ZOES_VOTE)

    assert zoe(sessions) == (made.game, ZOES_VOTE)


def test_a_removed_game_is_remembered_with_its_title(sessions: SessionStore) -> None:
    before = night(sessions, "Quiplash", "Quiplsh")

    after, event = remove_game(before, 2, "Quiplsh", now=NOW)
    sessions.commit(Commit(before, after, [event]))

    assert sessions.session(1) == after
    assert sessions.voting_state(1, 1) == VotingState(is_open=True, title="Quiplash")
    assert sessions.voting_state(1, 2) == VotingState(is_open=True, title="Quiplsh", is_removed=True)
    assert [game.id for game in sessions.games(1)] == [1, 2]
    with pytest.raises(VersionConflict):
        sessions.commit(Commit(before, after, [event]))


def test_a_withdrawn_vote_is_gone_and_can_be_cast_again(sessions: SessionStore) -> None:
    session = night(sessions, "Quiplash")
    made = voted(sessions, session, zoe(sessions), ZOES_VOTE)

    withdrawn = withdrawal(made.session, made.game, ZOES_VOTE)
    sessions.commit(withdrawn)

    assert sessions.session(1) == withdrawn.after
    game, vote = zoe(sessions)
    assert game is not None
    assert (game.upvotes, vote) == (0, None)
    voted(sessions, withdrawn.after, (game, None), ZOES_VOTE)


def test_another_vote_than_was_seen_stops_a_withdrawal(sessions: SessionStore) -> None:
    session = night(sessions, "Quiplash")
    made = voted(sessions, session, zoe(sessions), ZOES_VOTE)

    other = replace(ZOES_VOTE, type=VoteType.DOWN)
    nobodys = replace(ZOES_VOTE, username="Bob")
    for vote in (other, nobodys):
        with pytest.raises(VersionConflict):
            sessions.commit(withdrawal(made.session, made.game, vote))

    assert sessions.session(1) == made.session
    assert zoe(sessions) == (made.game, ZOES_VOTE)


def test_pending_votes_are_dropped_without_an_event(
    sessions: SessionStore, pending: PendingVoteStore
) -> None:
    session = night(sessions, "Quiplash")
    waiting = PendingVote("1#zoë", ZOES_VOTE)
    pending.add(1, waiting)

    sessions.commit(Commit(session, session, (), pending=[waiting]))

    assert pending.waiting(1, 10) == []
    assert sessions.session(1) == session
    assert sessions.games_and_votes(1, set()) == ({}, {})


def withdrawal(session: Session, game: Game, vote: Vote) -> Commit:
    after, counted, event = withdraw_vote(session, game, vote, now=NOW)
    return Commit(session, after, [event], counted=[(game, counted)], withdrawn=vote)

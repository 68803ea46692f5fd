from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.games import NewGame, add_game
from chalicelib.nights.ports import Change, EventLog, SessionStore
from chalicelib.nights.sessions import start_session
from tests.integration.dynamodb.conftest import SessionsTable

NOW = "2025-11-01T20:00:00.123Z"


def night(store: SessionStore, games: int = 0) -> list[str]:
    """Start a night and return the envelopes of its events."""
    head = store.head()
    session, event = start_session(head, epoch="e", notes="«é🎲»", now=NOW)
    store.start(head, session, event)
    envelopes = [event.envelope]
    for number in range(games):
        after, game, event = add_game(session, NewGame(f"Game {number}"), now=NOW)
        store.commit(Change(session, after, [event], game=game))
        session = after
        envelopes.append(event.envelope)
    return envelopes


def test_events_are_read_as_they_were_written_in_order(sessions: SessionStore, log: EventLog) -> None:
    envelopes = night(sessions, games=11)

    read = log.events(1, after=0, limit=100)

    assert [event.envelope for event in read] == envelopes
    assert [event.cursor for event in read] == [Cursor("e", number) for number in range(1, 13)]
    assert [event.type for event in read[:2]] == ["session.started", "game.added"]


def test_events_are_read_from_a_place_on_and_no_further_than_asked(
    sessions: SessionStore, log: EventLog
) -> None:
    night(sessions, games=11)

    assert [event.cursor.sequence for event in log.events(1, after=8, limit=3)] == [9, 10, 11]
    assert [event.cursor.sequence for event in log.events(1, after=11, limit=3)] == [12]
    assert log.events(1, after=12, limit=3) == []
    assert log.events(2, after=0, limit=3) == []


def test_starts_are_read_across_sessions_with_their_place_among_all(
    sessions: SessionStore, log: EventLog
) -> None:
    for games in (2, 0, 1, 0):
        night(sessions, games)

    read = log.starts(after=1, limit=2)

    assert [event.session_id for event in read] == [2, 3]
    assert [event.type for event in read] == ["session.started"] * 2
    epoch = sessions.head().epoch
    assert [event.sessions_cursor for event in read] == [Cursor(epoch, 2), Cursor(epoch, 3)]


def test_what_has_expired_is_not_read_though_it_may_still_be_stored(house: SessionsTable) -> None:
    night(house.sessions, games=1)
    house.clock[0] += EVENT_RETENTION_SECONDS - 1
    kept = (len(house.log.events(1, 0, 10)), len(house.log.starts(0, 10)))
    night(house.sessions)

    house.clock[0] += 1

    assert kept == (2, 1)
    assert house.log.events(1, 0, 10) == []
    assert [event.session_id for event in house.log.starts(0, 10)] == [2]

from collections.abc import Callable
from typing import Any

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from chalicelib.nights.games import NewGame, add_game
from chalicelib.nights.ports import Commit, EventLog, SessionStore
from chalicelib.nights.streams import Streams
from tests.integration.dynamodb.conftest import SessionsTable
from tests.integration.dynamodb.nights import NOW, night, start

NIGHT = session_stream(1)


def play(store: SessionStore, games: int = 0) -> None:
    night(store, *(f"Game {number}" for number in range(games)))


def test_events_are_read_as_they_were_written_in_order(sessions: SessionStore, log: EventLog) -> None:
    before = start(sessions)
    after, game, event = add_game(before, NewGame("«é🎲»"), now=NOW)
    sessions.commit(Commit(before, after, [event], game=game))

    read = log.events(NIGHT, after=0, limit=100)

    assert read[1].envelope == event.envelope
    assert {event.stream for event in read} == {NIGHT}
    assert [event.cursor for event in read] == [Cursor("e1", 1), Cursor("e1", 2)]
    assert [event.type for event in read] == ["session.started", "game.added"]


def test_events_are_read_from_a_place_to_a_limit(sessions: SessionStore, log: EventLog) -> None:
    play(sessions, games=11)

    assert [event.sequence for event in log.events(NIGHT, after=8, limit=3)] == [9, 10, 11]
    assert [event.sequence for event in log.events(NIGHT, after=11, limit=3)] == [12]
    assert log.events(NIGHT, after=12, limit=3) == []
    assert log.events(session_stream(2), after=0, limit=3) == []


def test_a_start_has_a_place_in_both_logs(sessions: SessionStore, log: EventLog) -> None:
    for games in (2, 0, 1):
        play(sessions, games)

    starts = log.events(SESSIONS_STREAM, after=0, limit=10)
    assert [event.session_id for event in log.events(SESSIONS_STREAM, after=1, limit=1)] == [2]
    own = [log.events(session_stream(number), after=0, limit=1)[0] for number in (1, 2, 3)]

    epoch = sessions.head().epoch
    assert [event.cursor for event in starts] == [Cursor(epoch, number) for number in (1, 2, 3)]
    assert [event.cursor for event in own] == [Cursor("e1", 1)] * 3
    assert [event.session_id for event in starts] == [event.session_id for event in own] == [1, 2, 3]
    assert [event.envelope for event in starts] == [event.envelope for event in own]
    assert {event.type for event in (*starts, *own)} == {"session.started"}


def test_what_has_expired_is_not_read(sessions_table: SessionsTable) -> None:
    play(sessions_table.sessions, games=1)
    sessions_table.clock[0] += EVENT_RETENTION_SECONDS - 1
    kept = (
        len(sessions_table.log.events(NIGHT, 0, 10)),
        len(sessions_table.log.events(SESSIONS_STREAM, 0, 10)),
    )
    play(sessions_table.sessions)

    sessions_table.clock[0] += 1

    assert kept == (2, 1)
    assert sessions_table.log.events(NIGHT, 0, 10) == []
    assert [event.session_id for event in sessions_table.log.events(SESSIONS_STREAM, 0, 10)] == [2]


def test_an_unreadable_event_is_a_hole_in_its_stream(table: Callable[[], Table], dynamodb: Any) -> None:
    made = table()
    store = DynamoSessionStore(made, lambda: 1_000_000.0)
    play(store, games=3)
    dynamodb.update_item(
        TableName=made.name,
        Key={"PK": {"S": "session#1"}, "SK": {"S": "event#0000000002"}},
        UpdateExpression="SET #type = :unknown",
        ExpressionAttributeNames={"#type": "type"},
        ExpressionAttributeValues={":unknown": {"S": "game.exploded"}},
    )
    stream = Streams(store, store.log, sleep=lambda _: None).of_session(1)

    assert [event.sequence for event in store.log.events(NIGHT, 0, 10)] == [1, 3, 4]
    assert [event.sequence for event in stream.following(0)] == [1]
    assert not stream.place(Cursor("e1", 1)).recovered
    assert stream.place(Cursor("e1", 2)).recovered

from dataclasses import replace

import pytest

from chalicelib.connections.connection import Connection, Lag, Recipient, session_audience
from chalicelib.connections.ports import ConnectionStore
from chalicelib.delivery.ports import LagStore
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import ConnectionsTable, Everyone

NIGHT = session_audience(17)
ONE = "abc="


@pytest.fixture
def lags(connections_table: ConnectionsTable) -> LagStore:
    return connections_table.lags


@pytest.fixture(autouse=True)
def subscriber(connections: ConnectionStore) -> Connection:
    connection = Connection(ONE, "api", "dev", connected_at=1_000_000, source_ip="127.0.0.1")
    connections.add(connection)
    connections.authenticate(connection, claims("bot"), wants_cursor=False)
    known = connections.get(ONE)
    assert known is not None
    connections.join(known, NIGHT, wants_cursor=True)
    return known


def lag(store: LagStore) -> Lag | None:
    recipient = store.recipient(NIGHT, ONE)
    assert recipient is not None
    return recipient.lag


def test_one_of_an_audience_is_read_as_a_page_has_it(everyone: Everyone, lags: LagStore) -> None:
    found = lags.recipient(NIGHT, ONE)

    assert [found] == everyone(NIGHT)
    assert found == Recipient(ONE, "api", "dev", FAR_FUTURE, wants_cursor=True)
    assert lags.recipient(NIGHT, "other=") is None


def test_whoever_falls_behind_lags_in_every_page_until_it_has_caught_up(
    everyone: Everyone, lags: LagStore
) -> None:
    lags.fall_behind(NIGHT, ONE, 3)
    behind = everyone(NIGHT)
    lags.park(NIGHT, ONE)
    parked = everyone(NIGHT)
    lags.caught_up(NIGHT, ONE, 3)

    lag = [[one.lag for one in page] for page in (behind, parked, everyone(NIGHT))]
    assert lag == [[Lag(3, 3)], [Lag(3, 3, parked=True)], [None]]


def test_falling_behind_again_forgets_nothing(lags: LagStore) -> None:
    for place in (3, 5, 4):
        lags.fall_behind(NIGHT, ONE, place)

    assert lag(lags) == Lag(3, 5)


def test_what_is_skipped_is_noted_while_the_connection_lags(lags: LagStore) -> None:
    lags.fall_behind(NIGHT, ONE, 3)

    skipped = [lags.skip(NIGHT, ONE, 4), lags.skip(NIGHT, ONE, 4), lags.skip(NIGHT, ONE, 3)]

    assert skipped == [True, True, True]
    assert lag(lags) == Lag(3, 4)


def test_whoever_does_not_lag_skips_nothing(lags: LagStore) -> None:
    assert not lags.skip(NIGHT, ONE, 4)
    assert not lags.skip(NIGHT, "other=", 4)
    assert lag(lags) is None


def test_catching_up_ends_the_lag_unless_something_was_skipped_meanwhile(lags: LagStore) -> None:
    lags.fall_behind(NIGHT, ONE, 3)
    lags.skip(NIGHT, ONE, 4)

    too_early = [lags.caught_up(NIGHT, ONE, 3), lags.caught_up(NIGHT, ONE, 4)]
    lags.advance(NIGHT, ONE, 3)
    ended = [lags.caught_up(NIGHT, ONE, 4), lags.caught_up(NIGHT, ONE, 4)]

    assert too_early == [False, False]
    assert ended == [True, False]
    assert lag(lags) is None


def test_the_place_of_the_replay_goes_on_from_the_first_event_that_was_missed(lags: LagStore) -> None:
    lags.fall_behind(NIGHT, ONE, 3)
    lags.skip(NIGHT, ONE, 9)

    went_on = [lags.advance(NIGHT, ONE, place) for place in (3, 4, 4, 9)]

    assert went_on == [True, True, False, False]
    assert lag(lags) == Lag(5, 9)


def test_what_comes_late_is_missed_as_well(lags: LagStore) -> None:
    lags.fall_behind(NIGHT, ONE, 5)

    lags.fall_behind(NIGHT, ONE, 4)
    failed = lag(lags)
    skipped = lags.skip(NIGHT, ONE, 3)

    assert failed == Lag(4, 5)
    assert skipped
    assert lag(lags) == Lag(3, 5)
    assert not lags.caught_up(NIGHT, ONE, 5)


def test_a_parked_lag_goes_on_with_the_next_event_that_is_skipped(lags: LagStore) -> None:
    lags.fall_behind(NIGHT, ONE, 3)

    lags.park(NIGHT, ONE)
    parked = lag(lags)
    lags.skip(NIGHT, ONE, 4)

    assert parked == Lag(3, 3, parked=True)
    assert lag(lags) == Lag(3, 4)


def test_a_lag_never_brings_back_who_has_left(connections: ConnectionStore, lags: LagStore) -> None:
    connections.remove(ONE)

    lags.fall_behind(NIGHT, ONE, 3)
    lags.advance(NIGHT, ONE, 4)
    lags.park(NIGHT, ONE)

    assert not lags.skip(NIGHT, ONE, 4)
    assert lags.recipient(NIGHT, ONE) is None


def test_a_renewed_token_ends_no_lag(
    connections: ConnectionStore, lags: LagStore, subscriber: Connection
) -> None:
    lags.fall_behind(NIGHT, ONE, 3)

    connections.authenticate(subscriber, claims("bot", expires_at=FAR_FUTURE + 1), wants_cursor=False)
    renewed = connections.get(ONE)
    assert renewed is not None
    connections.join(replace(renewed), NIGHT, wants_cursor=False)

    assert lag(lags) == Lag(3, 3)

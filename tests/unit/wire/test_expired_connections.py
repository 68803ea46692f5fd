"""What a frame is answered on a connection whose token has expired, or that is known no more."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.connections import Connection
from chalicelib.domain.errors import Unavailable
from chalicelib.services.connections import Connections
from chalicelib.services.frame_limit import FrameLimit
from chalicelib.services.reading import Streams
from chalicelib.wire.websocket import Reply, answer
from tests.fakes.identity import FAR_FUTURE, FakeVerifier, claims
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

FRAMES = [
    '{"type":"ping","id":7}',
    '{"type":"auth","token":"kosmi:bot","id":7}',
    '{"type":"auth","token":"junk","id":7}',
    '{"type":"subscribe","sessionId":1,"id":7}',
    '{"type":"unsubscribe","sessionId":1,"id":7}',
    '{"type":"dance","id":7}',
    '{"type":"ping","extra":1,"id":7}',
]


class Down(FakeConnectionStore):
    """A store that may not answer."""

    down = False

    def get(self, connection_id: str) -> Connection | None:
        if self.down:
            raise Unavailable("told to")
        return super().get(connection_id)


class House:
    """A connection called abc= whose token expires at 2000, with the clock at ``now``."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.store = Down(shards=1)
        self.sessions = FakeSessionStore()
        self.connections = Connections(
            self.store,
            Streams(self.sessions, self.sessions),
            FakeVerifier(),
            self.clock,
            frames=FrameLimit(1, monotonic=lambda: 0.0),
        )
        self.connections.connect(Connection("abc=", "api", "dev", 1000, "127.0.0.1"))
        found = self.store.get("abc=") or pytest.fail("gone")
        self.store.authenticate(found, claims("kosmi", expires_at=2000), wants_cursor=False)

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def reply(self, text: str) -> Reply:
        return answer(self.connections, self.clock, "abc=", text)

    def told(self, text: str) -> Any:
        return json.loads(self.reply(text).frame)


@pytest.mark.parametrize("frame", FRAMES)
def test_whatever_comes_after_expiry_is_answered_with_it_and_the_connection_is_closed(frame: str) -> None:
    house = House()
    house.now = 2000.0

    reply = house.reply(frame)

    told = json.loads(reply.frame)
    assert (told["type"], told["code"], told["id"]) == ("error", "token_expired", 7)
    assert reply.close


def test_a_moment_before_it_a_new_token_is_all_it_takes() -> None:
    house = House()
    house.now = 1999.9

    renewed = house.told('{"type":"auth","token":"kosmi:bot"}')
    house.now = 2000.0

    assert renewed["type"] == "auth_success"
    assert (house.store.get("abc=") or pytest.fail("gone")).token_expires_at == FAR_FUTURE
    assert house.told('{"type":"ping"}')["type"] == "pong"


def test_a_token_that_has_expired_by_our_clock_is_refused_however_kind_the_verifier() -> None:
    class Kind:
        def verify(self, _: str) -> Any:
            return claims("kosmi", expires_at=1000)

    house = House()
    house.connections._tokens = Kind()

    refused = house.reply('{"type":"auth","token":"a second late"}')

    assert json.loads(refused.frame)["code"] == "token_expired"
    assert json.loads(refused.frame)["type"] == "auth_error"
    assert not refused.close


@pytest.mark.parametrize("frame", FRAMES)
def test_who_is_known_no_more_is_told_so_and_closed(frame: str) -> None:
    house = House()
    house.store.remove("abc=")

    reply = house.reply(frame)

    assert json.loads(reply.frame)["code"] == "connection_unknown"
    assert reply.close


def test_who_is_being_closed_is_known_no_more() -> None:
    house = House()
    house.store.claim(house.store.get("abc=") or pytest.fail("gone"), 1000)

    assert house.told('{"type":"ping"}')["code"] == "connection_unknown"


@pytest.mark.parametrize("frame", FRAMES)
def test_who_is_being_closed_for_an_expired_token_is_told_that_by_whoever_is_first(frame: str) -> None:
    house = House()
    house.now = 2000.0
    house.store.claim(house.store.get("abc=") or pytest.fail("gone"), 2000)

    reply = house.reply(frame)

    assert json.loads(reply.frame)["code"] == "token_expired"
    assert reply.close


def test_what_is_wrong_with_a_frame_is_told_even_where_the_store_does_not_answer() -> None:
    house = House()
    house.store.down = True

    assert house.told("nope")["code"] == "invalid_json"
    assert house.told('{"type":"ping"}')["code"] == "unavailable"


def test_frames_are_counted_whatever_is_in_them_and_nothing_is_read_for_those_too_many() -> None:
    house = House()
    before = [house.reply("nope") for _ in range(10)]
    house.store.down = True

    refused = [house.reply('{"type":"ping","id":7}') for _ in range(10)]

    told = json.loads(refused[0].frame)
    assert not any(reply.close for reply in before)
    assert (told["code"], told["id"], told["retryable"]) == ("too_many_frames", 7, True)
    assert [reply.close for reply in refused] == [False] * 9 + [True]

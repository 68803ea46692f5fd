"""What a frame is answered on a connection whose token has expired, or that is known no more."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.api.live.answers import Reply, answer, send
from chalicelib.backoff import Backoff
from chalicelib.connections.clients import Connections
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.connections.frame_limit import FrameLimit
from chalicelib.connections.messages import DeliveryReport
from chalicelib.errors import Unavailable
from chalicelib.idempotency import Commits
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import GameNights
from chalicelib.nights.queries import Streams
from tests.fakes.identity import FAR_FUTURE, FakeVerifier, claims
from tests.fakes.push import FakePush
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
        self.tokens = FakeVerifier()
        self.connections = Connections(
            self.store,
            Streams(self.sessions, self.sessions),
            self.tokens,
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


def replay(house: House, frame: str) -> Reply:
    """Return the answer to a frame that asks for the past: three events on either stream."""
    host = GameNights(house.sessions, Commits(house.sessions, Backoff()), house.clock, lambda: "e")
    for _ in range(3):
        host.start(claims(), None)
    for title in ("x", "y"):
        host.add_game(claims(), 1, NewGame(title))
    house.tokens.expires_at = 2000
    return house.reply(frame)


async def sent(house: House, reply: Reply, after_two: Callable[[], None]) -> FakePush:
    """Post an answer and its replay; something happens when two frames have been posted."""

    class Push(FakePush):
        async def broadcast(self, *arguments: Any, **named: Any) -> DeliveryReport:
            report = await super().broadcast(*arguments, **named)
            if len(self.posts) == 2:
                after_two()
            return report

    push = Push()
    await send(push, Recipient("abc=", "api", "dev"), reply, house.store.remove, within=60)
    return push


ASKING = [
    '{"type":"subscribe","sessionId":1,"since":""}',
    '{"type":"auth","token":"kosmi:bot","since":""}',
]


@pytest.mark.parametrize("frame", ASKING)
async def test_a_replay_ends_where_the_token_does_and_the_client_is_told(frame: str) -> None:
    house = House()

    def expires() -> None:
        house.now = 2000.0

    push = await sent(house, replay(house, frame), expires)

    told = [json.loads(body) for _, body in push.posts]
    assert [one["type"] for one in told[1:]] == ["session.started", "error"]
    assert (told[-1]["code"], told[-1]["retryable"]) == ("token_expired", False)
    assert push.disconnected == ["abc="]


@pytest.mark.parametrize("frame", ASKING)
async def test_a_replay_goes_on_under_a_token_that_was_renewed_meanwhile(frame: str) -> None:
    house = House()

    def renewed_and_on() -> None:
        house.tokens.expires_at = FAR_FUTURE
        house.reply('{"type":"auth","token":"kosmi:bot"}')
        house.now = 2000.0

    push = await sent(house, replay(house, frame), renewed_and_on)

    assert len(push.posts) == 4
    assert push.disconnected == []


@pytest.mark.parametrize("frame", ASKING)
async def test_a_replay_to_whom_the_sweep_has_removed_meanwhile_is_over(frame: str) -> None:
    house = House()

    def swept() -> None:
        house.store.remove("abc=")
        house.now = 2000.0

    push = await sent(house, replay(house, frame), swept)

    assert [json.loads(body)["type"] for _, body in push.posts[1:]] == ["session.started", "error"]
    assert push.disconnected == ["abc="]


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

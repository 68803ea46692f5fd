import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib.api.live.answers import Reply, answer, send
from chalicelib.backoff import Backoff
from chalicelib.connections.clients import Connections
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.errors import Unavailable
from chalicelib.idempotency import Commits
from chalicelib.nights.games import NewGame
from chalicelib.nights.hosting import GameNights
from chalicelib.nights.queries import Streams
from tests.fakes.identity import FakeVerifier, claims
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore

SENDER = Recipient("abc=", "api", "dev")


def nobody_leaves(connection_id: str) -> None:
    pytest.fail(f"{connection_id} has not left")


def clock() -> datetime:
    return datetime(2025, 11, 1, 20, tzinfo=UTC)


class House:
    """A connection called abc=, two nights, and three games in the first."""

    def __init__(self) -> None:
        self.store = FakeSessionStore()
        host = GameNights(self.store, Commits(self.store, Backoff()), clock, lambda: "e")
        host.start(claims(), "a")
        host.start(claims(), "b")
        for title in ("x", "y", "z"):
            host.add_game(claims(), 1, NewGame(title))
        streams = Streams(self.store, self.store)
        self.connections = Connections(FakeConnectionStore(1), streams, FakeVerifier(), clock)
        self.connections.connect(Connection("abc=", "api", "dev", 0, "127.0.0.1"))
        self.push = FakePush()
        self.forgotten: list[str] = []

    async def say(self, text: str) -> list[str]:
        """Send a frame and return the frames that it was answered with."""
        before = len(self.push.posts)
        await send(
            self.push, SENDER, answer(self.connections, clock, "abc=", text), self.forgotten.append, within=5
        )
        return [body.decode() for _, body in self.push.posts[before:]]


async def test_auth_without_since_is_answered_as_ever() -> None:
    (success,) = await House().say('{"type":"auth","token":"kosmi:bot"}')

    assert list(json.loads(success)) == ["type", "message", "sub", "role", "expiresAt"]


async def test_auth_with_since_is_answered_and_then_the_starts_that_were_missed_come() -> None:
    house = House()

    success, *missed = await house.say('{"type":"auth","token":"kosmi:bot","since":"fake:1","id":7}')

    told = json.loads(success)
    assert (told["type"], told["cursor"], told["recovered"], told["id"]) == (
        "auth_success",
        "fake:2",
        True,
        7,
    )
    started = next(event for event in house.store.log if event.session_id == 2)
    assert missed == [started.envelope[:-1] + ',"cursor":"fake:2"}']


async def test_subscribing_with_since_replays_the_sessions_own_stream() -> None:
    house = House()
    await house.say('{"type":"auth","token":"kosmi:bot"}')

    subscribed, *missed = await house.say('{"type":"subscribe","sessionId":1,"since":"e:2"}')

    assert json.loads(subscribed) == {
        "type": "subscribed",
        "sessionId": 1,
        "cursor": "e:4",
        "recovered": True,
    }
    assert [json.loads(one)["cursor"] for one in missed] == ["e:3", "e:4"]
    assert [json.loads(one)["data"]["game"]["title"] for one in missed] == ["y", "z"]


async def test_subscribing_without_since_shows_no_cursor_and_no_past() -> None:
    house = House()
    await house.say('{"type":"auth","token":"kosmi:bot"}')

    assert await house.say('{"type":"subscribe","sessionId":1}') == ['{"type":"subscribed","sessionId":1}']


async def test_a_cursor_of_another_stream_is_not_recovered() -> None:
    house = House()

    (success,) = await house.say('{"type":"auth","token":"kosmi:bot","since":"gone:1"}')

    told = json.loads(success)
    assert (told["cursor"], told["recovered"]) == ("fake:2", False)


async def test_junk_for_a_cursor_is_an_error_and_no_failed_authentication() -> None:
    house = House()

    for _ in range(4):
        (error,) = await house.say('{"type":"auth","token":"junk","since":"yesterday"}')

    told = json.loads(error)
    assert (told["type"], told["code"], told["retryable"]) == ("error", "invalid_cursor", False)
    assert house.push.disconnected == []
    (later,) = await house.say('{"type":"auth","token":"kosmi:bot"}')
    assert json.loads(later)["type"] == "auth_success"


async def test_a_replay_that_cannot_be_posted_whole_ends_the_connection() -> None:
    class Stuck(FakePush):
        async def begin(self, *_: object) -> None:
            if len(self.posts) == 2:
                self.failing = {"abc="}

    push = Stuck()

    await send(push, SENDER, Reply(b"answer", iter([b"1", b"2", b"3"])), nobody_leaves, within=5)

    assert [body for _, body in push.posts] == [b"answer", b"1"]
    assert push.disconnected == ["abc="]


async def test_a_replay_that_runs_out_of_time_ends_the_connection() -> None:
    push = FakePush()

    def endless() -> Iterator[bytes]:
        while True:
            yield b"event"

    await send(push, SENDER, Reply(b"answer", endless()), nobody_leaves, within=0.05)

    assert len(push.posts) > 1
    assert push.disconnected == ["abc="]


async def test_a_replay_whose_log_cannot_be_read_on_ends_the_connection() -> None:
    push = FakePush()

    def broken() -> Iterator[bytes]:
        yield b"1"
        raise Unavailable("throttled")

    await send(push, SENDER, Reply(b"answer", broken()), nobody_leaves, within=5)

    assert [body for _, body in push.posts] == [b"answer", b"1"]
    assert push.disconnected == ["abc="]


@pytest.mark.parametrize("posts", [0, 1, 2])
async def test_a_client_that_is_gone_is_forgotten(posts: int) -> None:
    class Leaving(FakePush):
        async def begin(self, *_: object) -> None:
            if len(self.posts) == posts:
                self.gone = {"abc="}

    push, forgotten = Leaving(), list[str]()

    await send(push, SENDER, Reply(b"answer", iter([b"1", b"2"])), forgotten.append, within=5)

    assert len(push.posts) == posts
    assert forgotten == ["abc="]
    assert push.disconnected == []


async def test_an_answer_that_may_or_may_not_have_arrived_ends_the_connection() -> None:
    push = FakePush()
    push.failing = {"abc="}

    await send(push, SENDER, Reply(b"answer", iter([b"1"])), nobody_leaves, within=5)

    assert push.posts == []
    assert push.disconnected == ["abc="]

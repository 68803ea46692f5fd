"""What is posted in answer to a frame: the answer, then the events that the client has missed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.api.live.answers import REPLY_SECONDS, Reply
from chalicelib.connections.messages import Message
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.errors import Unavailable
from chalicelib.nights.streams import Stream
from tests.fakes.crowd import start
from tests.fakes.identity import FAR_FUTURE
from tests.fakes.push import FakePush
from tests.unit.api.live import AUTH, SENDER, Live
from tests.unit.delivery.deliveries import LoopClock

SUBSCRIBE = '{"type":"subscribe","sessionId":1,"since":""}'


class Pushing(FakePush):
    """A push in which something happens before the ``nth`` post of the test."""

    nth = 0
    happens: Callable[[], Any] = staticmethod(lambda: None)

    async def begin(self, _message: Message, _within: float) -> None:
        self.nth -= 1
        if self.nth == 0:
            self.happens()


async def authenticated() -> Live:
    live = Live()
    await live.say(AUTH)
    return live


async def interrupted(nth: int, happens: Callable[[Live], Any]) -> tuple[Live, list[Any]]:
    """Resume from the beginning of session 1, with a token that expires at 2000.

    Something happens before the ``nth`` frame is posted.
    """
    push = Pushing()
    live = Live(push)
    live.tokens.expires_at = 2000
    await live.say(AUTH)
    push.nth, push.happens = nth, lambda: happens(live)
    return live, await live.say(SUBSCRIBE)


def place_of(frame: Any) -> list[Any]:
    return [frame[name] for name in ("stream", "sequence", "cursor", "last", "recovered")]


async def test_the_answer_comes_first_and_then_events_in_order() -> None:
    live = await authenticated()

    subscribed, *events = await live.say(SUBSCRIBE)

    assert subscribed["type"] == "subscribed"
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert [event["cursor"] for event in events] == ["e1:1", "e1:2", "e1:3", "e1:4"]


async def test_whoever_resumed_is_live_after_the_answer() -> None:
    live = await authenticated()

    await live.say(SUBSCRIBE)

    row = live.store.audiences["session:1"]["abc="]
    assert (row.behind, row.position, row.wants_cursor) == (None, 4, True)


@pytest.mark.parametrize(
    ("since", "place", "follow"),
    [
        ("e1:2", ["session:1", 2, "e1:2", 4, True], [3, 4]),
        ("", ["session:1", 0, "e1:0", 4, True], [1, 2, 3, 4]),
        ("now", ["session:1", 4, "e1:4", 4, True], []),
        ("e1:4", ["session:1", 4, "e1:4", 4, True], []),
        ("lost:2", ["session:1", 4, "e1:4", 4, False], []),
        ("e1:9", ["session:1", 4, "e1:4", 4, False], []),
    ],
)
async def test_subscribed_says_from_where_events_follow(
    since: str, place: list[Any], follow: list[int]
) -> None:
    live = await authenticated()

    subscribed, *events = await live.say(f'{{"type":"subscribe","sessionId":1,"since":"{since}","id":7}}')

    assert place_of(subscribed) == place
    assert subscribed["id"] == 7
    assert [event["sequence"] for event in events] == follow


@pytest.mark.parametrize(
    ("since", "place", "follow"),
    [
        ("fake:1", ["sessions", 1, "fake:1", 2, True], [2]),
        ("", ["sessions", 0, "fake:0", 2, True], [1, 2]),
        ("now", ["sessions", 2, "fake:2", 2, True], []),
        ("gone:1", ["sessions", 2, "fake:2", 2, False], []),
    ],
)
async def test_auth_success_says_from_where_starts_follow(
    since: str, place: list[Any], follow: list[int]
) -> None:
    success, *starts = await Live().say(f'{{"type":"auth","token":"kosmi:bot","since":"{since}"}}')

    assert place_of(success) == place
    assert [start["data"]["session"]["id"] for start in starts] == follow


async def test_replayed_events_are_the_bytes_of_live_ones() -> None:
    live = Live()

    await live.say('{"type":"auth","token":"kosmi:bot","since":"fake:1"}')

    [event] = live.sessions.events("sessions", 1, 9)
    assert live.push.posts[-1] == ("abc=", event.with_place.encode())


async def test_whoever_never_asks_sees_no_place_and_no_past() -> None:
    live = Live()

    frames = [*await live.say(AUTH), *await live.say('{"type":"subscribe","sessionId":1}')]

    assert [frame["type"] for frame in frames] == ["auth_success", "subscribed"]
    assert not any(frame.keys() & {"stream", "sequence", "cursor", "last", "recovered"} for frame in frames)


async def test_an_event_that_comes_meanwhile_is_replayed_too() -> None:
    async def broadcast(live: Live) -> None:
        event = start(live.sessions)
        await live.delivery.audiences.note_missed("sessions", "abc=", event.sequence)

    class Broadcasting(FakePush):
        async def begin(self, _message: Message, _within: float) -> None:
            if len(self.posts) == 2:
                await broadcast(live)

    live = Live(Broadcasting())

    _, *starts = await live.say('{"type":"auth","token":"kosmi:bot","since":""}')

    assert [frame["sequence"] for frame in starts] == [1, 2, 3]


async def test_whoever_is_gone_is_forgotten() -> None:
    live = await authenticated()
    live.push.gone = {"abc="}

    assert await live.say(SUBSCRIBE) == []
    assert live.store.get("abc=") is None
    assert live.push.disconnected == []


async def test_whoever_leaves_during_a_replay_is_forgotten() -> None:
    live, frames = await interrupted(3, lambda live: live.push.gone.add("abc="))

    assert [frame["type"] for frame in frames] == ["subscribed", "session.started"]
    assert live.store.get("abc=") is None


async def test_an_answer_that_cannot_be_posted_closes_the_connection() -> None:
    live = await authenticated()
    live.push.failing = {"abc="}

    assert await live.say(SUBSCRIBE) == []
    assert live.push.disconnected == ["abc="]


async def test_an_answer_that_closes_is_posted_first() -> None:
    live = Live()

    await live.responder.send(SENDER, Reply(b"why", close=True), within=5)

    assert live.push.posts == [("abc=", b"why")]
    assert live.push.disconnected == ["abc="]


async def test_a_slow_reader_does_not_take_all_the_time() -> None:
    given: list[float] = []

    class Watched(FakePush):
        async def begin(self, _message: Message, within: float) -> None:
            given.append(within)

    live = Live(Watched())

    await live.responder.send(SENDER, Reply(b"answer"), within=60)
    await live.responder.send(SENDER, Reply(b"answer"), within=3)

    assert given == [REPLY_SECONDS, 3]


async def test_a_token_that_expires_during_a_replay_is_told() -> None:
    def expires(live: Live) -> None:
        live.pass_until(2000)

    live, frames = await interrupted(3, expires)

    assert [frame["type"] for frame in frames] == ["subscribed", "session.started", "error"]
    assert (frames[-1]["code"], frames[-1]["retryable"]) == ("token_expired", False)
    assert live.push.disconnected == ["abc="]


async def test_a_replay_goes_on_under_a_renewed_token() -> None:
    def renewed_in_time(live: Live) -> None:
        live.tokens.expires_at = FAR_FUTURE
        live.reply(AUTH)
        live.pass_until(2000)

    live, frames = await interrupted(3, renewed_in_time)

    assert [frame.get("sequence") for frame in frames[1:]] == [1, 2, 3, 4]
    assert live.push.disconnected == []


async def test_whom_the_sweep_removes_during_a_replay_is_closed() -> None:
    live, frames = await interrupted(5, lambda live: live.store.remove("abc="))

    assert len(frames) == 5
    assert live.push.disconnected == ["abc="]


async def test_whoever_unsubscribes_during_a_replay_stays_connected() -> None:
    live, _ = await interrupted(5, lambda live: live.store.leave("abc=", "session:1"))

    assert live.push.disconnected == []
    assert "abc=" in live.store.audiences["sessions"]


async def test_a_post_that_fails_during_a_replay_becomes_a_job() -> None:
    live, frames = await interrupted(4, lambda live: live.push.failing.add("abc="))

    assert [frame.get("sequence") for frame in frames[1:]] == [1, 2]
    assert live.delivery.queue.jobs() == [CatchUpJob("session:1", "abc=", 3)]
    assert live.push.disconnected == []


async def test_what_there_is_no_time_for_becomes_a_job() -> None:
    clock = LoopClock()

    def time_passes(_: Live) -> None:
        clock.now += 60

    live, frames = await interrupted(3, time_passes)
    before = [frame.get("sequence") for frame in frames[1:]]
    await live.delivery.work()

    assert before == [1, 2]
    assert [json.loads(body)["sequence"] for _, body in live.push.posts[-2:]] == [3, 4]
    assert live.push.disconnected == []


async def test_a_log_that_cannot_be_read_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def following(*_: Any) -> Any:
        raise Unavailable("told to")

    live = await authenticated()
    reply = live.reply(SUBSCRIBE)
    monkeypatch.setattr(Stream, "following", following)

    await live.responder.send(SENDER, reply, within=60)

    assert json.loads(live.push.posts[-1][1])["type"] == "subscribed"
    assert live.push.disconnected == ["abc="]

"""What becomes of an answer and its replay where something comes in between."""

import json
from typing import Any

import pytest

from chalicelib.api.live.answers import REPLY_SECONDS, Reply
from chalicelib.connections.messages import Message
from chalicelib.delivery.jobs import CatchUpJob
from chalicelib.errors import Unavailable
from chalicelib.nights.streams import Stream
from tests.fakes.identity import FAR_FUTURE
from tests.fakes.loop_clock import LoopClock
from tests.fakes.push import FakePush
from tests.unit.api.live import AUTH, SENDER, Live
from tests.unit.api.test_responder import SUBSCRIBE, authenticated, interrupted


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

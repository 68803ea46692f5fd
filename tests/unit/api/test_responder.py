"""What is posted in answer to a frame. Replays and what interrupts them: tests/unit/delivery."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.api.live.answers import REPLY_SECONDS, Reply
from chalicelib.connections.messages import Message
from chalicelib.errors import Unavailable
from chalicelib.nights.streams import Stream
from tests.fakes.push import FakePush
from tests.unit.api.live import AUTH, SENDER, Live

SUBSCRIBE = '{"type":"subscribe","sessionId":1,"since":""}'


class InterruptedPush(FakePush):
    """A push in which something happens before the ``nth`` post from now on."""

    nth = 0
    happens: Callable[[], Any] = staticmethod(lambda: None)

    async def begin(self, _message: Message, _within: float) -> None:
        self.nth -= 1
        if self.nth == 0:
            self.happens()


async def authenticated() -> Live:
    live = Live()
    await live.send(AUTH)
    return live


async def interrupted(nth: int, happens: Callable[[Live], Any]) -> tuple[Live, list[Any]]:
    """Resume from the beginning of session 1, with a token that expires at 2000.

    Something happens before the ``nth`` frame is posted.
    """
    push = InterruptedPush()
    live = Live(push)
    live.tokens.expires_at = 2000
    await live.send(AUTH)
    push.nth, push.happens = nth, lambda: happens(live)
    return live, await live.send(SUBSCRIBE)


def sequences(frames: list[Any]) -> list[int]:
    return [frame["sequence"] for frame in frames]


async def test_a_client_is_live_after_answer_and_replay() -> None:
    live = await authenticated()

    subscribed, *events = await live.send(SUBSCRIBE)

    assert (subscribed["type"], sequences(events)) == ("subscribed", [1, 2, 3, 4])
    row = live.store.audiences["session:1"]["abc="]
    assert (row.behind, row.position, row.wants_cursor) == (None, 4, True)


async def test_a_client_that_is_gone_is_removed() -> None:
    live = await authenticated()
    live.push.gone = {"abc="}

    assert await live.send(SUBSCRIBE) == []
    assert live.store.get("abc=") is None
    assert live.push.disconnected == []


async def test_an_answer_that_cannot_be_posted_closes_the_connection() -> None:
    live = await authenticated()
    live.push.failing = {"abc="}

    assert await live.send(SUBSCRIBE) == []
    assert live.push.disconnected == ["abc="]


async def test_an_answer_that_closes_is_posted_first() -> None:
    live = Live()

    await live.responder.send(SENDER, Reply(b"why", close=True), within=5)

    assert live.push.posts == [("abc=", b"why")]
    assert live.push.disconnected == ["abc="]


async def test_a_slow_reader_does_not_take_all_time() -> None:
    given: list[float] = []

    class RecordingPush(FakePush):
        async def begin(self, _message: Message, within: float) -> None:
            given.append(within)

    live = Live(RecordingPush())

    for within in (60, 3):
        await live.responder.send(SENDER, Reply(b"answer"), within=within)

    assert given == [REPLY_SECONDS, 3]


async def test_a_token_that_expires_during_a_replay_ends_it() -> None:
    live, frames = await interrupted(3, lambda live: live.pass_until(2000))

    assert [frame["type"] for frame in frames] == ["subscribed", "session.started", "error"]
    assert (frames[-1]["code"], frames[-1]["retryable"]) == ("token_expired", False)
    assert live.push.disconnected == ["abc="]


@pytest.mark.parametrize(
    ("happens", "closed"),
    [
        (lambda live: live.store.remove("abc="), ["abc="]),
        (lambda live: live.store.leave("abc=", "session:1"), []),
    ],
)
async def test_leaving_during_a_replay_closes_unless_unsubscribed(
    happens: Callable[[Live], Any], closed: list[str]
) -> None:
    live, frames = await interrupted(5, happens)

    assert len(frames) == 5
    assert live.push.disconnected == closed


async def test_a_log_that_cannot_be_read_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: Any) -> Any:
        raise Unavailable("told to")

    live = await authenticated()
    reply = live.reply(SUBSCRIBE)
    monkeypatch.setattr(Stream, "following", unavailable)

    await live.responder.send(SENDER, reply, within=60)

    assert json.loads(live.push.posts[-1][1])["type"] == "subscribed"
    assert live.push.disconnected == ["abc="]

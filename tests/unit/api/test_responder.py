"""What is posted in answer to a frame: the answer, then the events that the client has missed."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.connections.messages import Message
from tests.fakes.crowd import start
from tests.fakes.push import FakePush
from tests.unit.api.live import AUTH, Live

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

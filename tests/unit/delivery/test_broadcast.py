import asyncio
import json
import logging
from typing import Any

import pytest

from chalicelib.connections.connection import ALL_AUDIENCE, Recipient, session_audience
from chalicelib.connections.messages import DeliveryReport, Message
from chalicelib.delivery.broadcast import Broadcast
from chalicelib.delivery.ports import AudiencePage
from chalicelib.errors import Unavailable
from chalicelib.nights.events import LoggedEvent
from tests.fakes.crowd import crowd, later, logged, started
from tests.fakes.delivery import House
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore

SHARDS = 3


def broadcast(store: FakeConnectionStore, push: FakePush, shards: int) -> Broadcast:
    return House(store, push, shards).broadcast


async def test_everyone_who_has_authenticated_gets_a_start_once() -> None:
    store, push = FakeConnectionStore(SHARDS, page_size=4), FakePush()
    ids = crowd(store, 30)
    event = started(17)

    again = await broadcast(store, push, SHARDS).deliver(logged(event), within=5)

    assert again == []
    assert sorted(push.posts) == sorted((one, event.plain) for one in ids)


async def test_only_subscribers_get_what_follows() -> None:
    store, push = FakeConnectionStore(SHARDS), FakePush()
    crowd(store, 5)
    store.join(store.get("0003=") or pytest.fail("gone"), session_audience(17), wants_cursor=False)

    await broadcast(store, push, SHARDS).deliver(logged(later(17, 2)), within=5)

    assert push.posts == [("0003=", b'{"n":2}')]


async def test_who_opted_in_to_resume_gets_the_cursor_of_the_sessions_stream() -> None:
    store, push = FakeConnectionStore(SHARDS), FakePush()
    crowd(store, 1, wants_cursor=True)

    await broadcast(store, push, SHARDS).deliver(logged(started(17)), within=5)

    assert json.loads(push.posts[0][1])["cursor"] == "e0:17"


async def test_events_of_one_session_go_in_order() -> None:
    store, push = FakeConnectionStore(SHARDS), FakePush()
    crowd(store, 1)
    store.join(store.get("0000=") or pytest.fail("gone"), session_audience(17), wants_cursor=False)

    await broadcast(store, push, SHARDS).deliver(
        logged(*(later(17, sequence) for sequence in range(2, 12))), within=5
    )

    assert [json.loads(body)["n"] for _, body in push.posts] == list(range(2, 12))


async def test_a_record_of_several_events_comes_again_once_and_whole() -> None:
    store, push = FakeConnectionStore(SHARDS), FakePush()
    crowd(store, 1)
    store.join(store.get("0000=") or pytest.fail("gone"), session_audience(17), wants_cursor=False)
    records = [LoggedEvent("100", later(17, 2)), LoggedEvent("100", later(17, 3))]

    class Throttled(FakeConnectionStore):
        def audience(self, *which: Any) -> AudiencePage:
            raise Unavailable(f"throttled: {which}")

    delivered = await broadcast(store, push, SHARDS).deliver(records, within=5)
    again = await broadcast(Throttled(SHARDS), push, SHARDS).deliver(records, within=5)

    assert delivered == []
    assert [body for _, body in push.posts] == [b'{"n":2}', b'{"n":3}']
    assert again == ["100"]


class SlowPush(FakePush):
    """A second goes by for each recipient, on the event loop's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.within: list[float] = []
        self._passed = 0.0
        clock = asyncio.get_running_loop().time
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock() + self._passed)

    async def begin(self, _message: Message, within: float) -> None:
        self.within.append(within)

    def post(self, message: Message, recipient: Recipient, report: DeliveryReport) -> bool:
        self._passed += 1
        return super().post(message, recipient, report)


async def test_what_there_is_no_time_for_comes_again_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, push = FakeConnectionStore(SHARDS), SlowPush(monkeypatch)
    crowd(store, 4, session_id=17)
    records = logged(*(later(17, sequence) for sequence in range(2, 12)))

    again = await broadcast(store, push, SHARDS).deliver(records, within=30)

    assert again == [one.sequence_number for one in records[7:]]
    assert [json.loads(body)["n"] for _, body in push.posts[::4]] == list(range(2, 9))
    assert [round(seconds) for seconds in push.within] == [30, 26, 22, 18, 14, 10, 6]


async def test_a_record_is_begun_only_where_all_its_events_are_through_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, push = FakeConnectionStore(SHARDS), SlowPush(monkeypatch)
    crowd(store, 4, session_id=17)
    counted_together = [LoggedEvent("101", later(17, sequence)) for sequence in range(3, 8)]
    records = [LoggedEvent("100", later(17, 2)), *counted_together]

    again = await broadcast(store, push, SHARDS).deliver(records, within=20)

    assert again == ["101"]
    assert [json.loads(body)["n"] for _, body in push.posts] == [2] * 4


async def test_what_is_left_of_a_record_that_takes_too_long_is_done_by_jobs_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, push = FakeConnectionStore(SHARDS), SlowPush(monkeypatch)
    crowd(store, 4, session_id=17)
    house = House(store, push, SHARDS)

    again = await house.broadcast.deliver(
        [LoggedEvent("100", later(17, sequence)) for sequence in range(2, 7)], within=10
    )
    queued = len(house.queue.waiting)
    await house.work(within=1000)

    assert again == []
    assert queued == 2 * SHARDS
    for one in ("0000=", "0003="):
        assert [json.loads(body)["n"] for to, body in push.posts if to == one] == [2, 3, 4, 5, 6]


async def test_no_start_overtakes_one_that_there_was_no_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    store, push = FakeConnectionStore(SHARDS), SlowPush(monkeypatch)
    crowd(store, 4)

    again = await broadcast(store, push, SHARDS).deliver(logged(*map(started, range(17, 21))), within=7)

    assert again == ["102", "103"]
    assert [json.loads(body)["data"]["session"]["id"] for _, body in push.posts[::4]] == [17, 18]


async def test_starts_of_different_sessions_go_in_order_however_long_each_takes() -> None:
    class Hasty(FakePush):
        async def begin(self, message: Message, _within: float) -> None:
            for _ in range(100 - json.loads(message.plain)["data"]["session"]["id"]):
                await asyncio.sleep(0)  # the earlier, the slower

    store, push = FakeConnectionStore(SHARDS), Hasty()
    crowd(store, 1)

    await broadcast(store, push, SHARDS).deliver(logged(*map(started, range(17, 27))), within=5)

    assert [json.loads(body)["data"]["session"]["id"] for _, body in push.posts] == list(range(17, 27))


async def test_no_start_overtakes_one_that_has_to_come_again() -> None:
    class ThrottledOnce(FakeConnectionStore):
        throttled = False

        def audience(
            self, audience: str, shard: int, after: str | None = None, limit: int | None = None
        ) -> AudiencePage:
            if audience == ALL_AUDIENCE and not self.throttled:
                self.throttled = True
                raise Unavailable("throttled")
            return super().audience(audience, shard, after, limit)

    store, push = ThrottledOnce(1), FakePush()
    crowd(store, 1)
    store.join(store.get("0000=") or pytest.fail("gone"), session_audience(9), wants_cursor=False)
    records = logged(started(17), later(9, 2), started(18), later(18, 2))

    again = await broadcast(store, push, 1).deliver(records, within=5)

    assert again == ["100", "102", "103"]
    assert push.posts == [("0000=", b'{"n":2}')]


async def test_whoever_is_gone_leaves_no_trace() -> None:
    store, push = FakeConnectionStore(SHARDS), FakePush()
    crowd(store, 3)
    push.gone = {"0001="}

    again = await broadcast(store, push, SHARDS).deliver(logged(started(17)), within=5)

    assert again == []
    assert store.get("0001=") is None
    assert sorted(one for one, _ in push.posts) == ["0000=", "0002="]


async def test_an_audience_that_cannot_be_read_has_its_session_come_again_and_no_other() -> None:
    class Throttled(FakeConnectionStore):
        def audience(
            self, audience: str, shard: int, after: str | None = None, limit: int | None = None
        ) -> AudiencePage:
            if audience == session_audience(17):
                raise Unavailable("throttled")
            return super().audience(audience, shard, after, limit)

    store, push = Throttled(SHARDS), FakePush()
    crowd(store, 2)
    records = logged(later(17, 2), started(18), later(17, 3))

    again = await broadcast(store, push, SHARDS).deliver(records, within=5)

    assert again == ["100", "102"]
    assert sorted(one for one, _ in push.posts) == ["0000=", "0001="]


async def test_the_log_says_what_the_seed_documents(caplog: pytest.LogCaptureFixture) -> None:
    store, push = FakeConnectionStore(SHARDS), FakePush()
    crowd(store, 2)
    push.failing = {"0001="}

    with caplog.at_level(logging.INFO):
        await broadcast(store, push, SHARDS).deliver(logged(started(18)), within=5)

    lines = [record for record in caplog.records if record.name in ("Sessions", "WebSocket")]
    assert [line.getMessage() for line in lines[:2]] == [
        "[Sessions] Broadcasted session.started event for session 18",
        "[WebSocket] Broadcasted session.started to 1 client(s) for session 18",
    ]
    assert lines[1].__dict__["delivered"] == 1
    assert lines[1].__dict__["failed"] == 1
    assert lines[2].__dict__["connection_id"] == "0001="

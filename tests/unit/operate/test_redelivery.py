from collections.abc import Sequence

import pytest

from chalicelib.errors import Unavailable
from chalicelib.nights.events import Event
from chalicelib.nights.games import NewGame
from chalicelib.timestamps import timestamp
from infra.deploy.operate.followers import Redelivery
from tests.fakes.delivery import FakeDelivery
from tests.fakes.identity import claims
from tests.fakes.nights import FakeNights
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore
from tests.unit.delivery.deliveries import Deliveries


def redelivery_of(delivery: FakeDelivery, shards: int = 1) -> Redelivery:
    return Redelivery(delivery.audiences, delivery.failures, delivery.sessions, delivery.sessions, shards)


async def test_all_followers_get_what_was_given_up_in_order() -> None:
    deliveries = Deliveries(3, shards=2)
    deliveries.store.page_size = 1
    events = [record.event for record in deliveries.log(3)]

    await redelivery_of(deliveries.delivery, shards=2).deliver(events)
    await deliveries.delivery.work()

    assert deliveries.heard_by_all() == {one: [2, 3, 4] for one in deliveries.ids}


@pytest.mark.parametrize(("position", "heard"), [(1, [2, 3, 4]), (2, [3, 4]), (4, [])])
async def test_a_client_gets_only_what_is_after_its_position(position: int, heard: list[int]) -> None:
    deliveries = Deliveries()
    deliveries.change(position=position)
    events = [record.event for record in deliveries.log(3)]

    await redelivery_of(deliveries.delivery).deliver(events)
    await deliveries.delivery.work()

    assert deliveries.heard_by_all() == dict.fromkeys(deliveries.ids, heard)
    assert deliveries.row().behind is None


async def test_a_redelivery_that_fails_can_be_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(_: object) -> None:
        raise Unavailable("told to")

    deliveries = Deliveries(2)
    events = [record.event for record in deliveries.log(2)]
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.delivery.queue, "send", send)
        with pytest.raises(Unavailable):
            await redelivery_of(deliveries.delivery).deliver(events)

    await redelivery_of(deliveries.delivery).deliver(events)
    await deliveries.delivery.work()

    assert deliveries.heard_by_all() == {"0000=": [2, 3], "0001=": [2, 3]}


def test_what_was_logged_within_a_time_is_found() -> None:
    nights = FakeNights()
    moments = []
    for title in ("a", "b", "c"):
        nights.host.start(claims(), title)
        nights.now += 60
        nights.host.add_game(claims(), 1, NewGame(title))
        moments.append(timestamp(nights.clock()))
        nights.now += 60
    delivery = FakeDelivery(FakeConnectionStore(), FakePush(), sessions=nights.store)

    found = [*redelivery_of(delivery).logged(moments[0], moments[1])]

    # A session's own start is not told a second time.
    assert [(event.stream, event.sequence) for event in found] == [
        ("session:1", 2),
        ("session:1", 3),
        ("sessions", 2),
    ]


def test_a_session_that_ended_before_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    nights = FakeNights()
    nights.host.start(claims(), None)
    nights.host.close(claims(), 1)
    nights.now += 60
    read: list[str] = []
    right = nights.store.events

    def events(stream: str, after: int, limit: int) -> Sequence[Event]:
        read.append(stream)
        return right(stream, after, limit)

    monkeypatch.setattr(nights.store, "events", events)
    delivery = FakeDelivery(FakeConnectionStore(), FakePush(), sessions=nights.store)
    now = timestamp(nights.clock())

    found = [*redelivery_of(delivery).logged(now, now)]

    assert (found, set(read)) == ([], {"sessions"})

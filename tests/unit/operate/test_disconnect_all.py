from infra.deploy.operate.followers import CONCURRENCY, disconnect_all
from tests.fakes.crowd import crowd
from tests.fakes.delivery import FakeAudiences
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore


async def closed(store: FakeConnectionStore, push: FakePush) -> tuple[int, int]:
    return await disconnect_all(FakeAudiences(store), store, push, store.shards)


async def test_everyone_is_closed_and_removed() -> None:
    store, push = FakeConnectionStore(shards=2, page_size=3), FakePush()
    ids = crowd(store, CONCURRENCY + 1, session_id=1)

    outcome = await closed(store, push)

    assert outcome == (len(ids), 0)
    assert sorted(push.disconnected) == ids
    assert store.audiences == {"sessions": {}, "session:1": {}}


async def test_whoever_cannot_be_closed_is_counted_and_stays() -> None:
    store, push = FakeConnectionStore(), FakePush()
    crowd(store, 3)
    push.stuck = {"0001="}

    outcome = await closed(store, push)

    assert outcome == (2, 1)
    assert [*store.audiences["sessions"]] == ["0001="]

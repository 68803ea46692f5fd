"""Tokens that are renewed after a delivery has read a connection's row and before its post's turn comes."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.connections.connection import Recipient, session_audience
from chalicelib.delivery.ports import AudiencePage
from chalicelib.nights.events import Event
from tests.fakes.crowd import crowd, later, logged
from tests.fakes.delivery import House
from tests.fakes.push import FakePush
from tests.fakes.stores import FakeConnectionStore

SHARDS = 2
NIGHT = session_audience(17)
RENEWS = "0001="
OLD_TOKEN_ENDS = 1030
JUST_AFTER = 1031.0


class Log:
    def events(self, session_id: int, after: int, limit: int) -> Sequence[Event]:
        return [later(session_id, sequence) for sequence in range(after + 1, 10)][:limit]

    def starts(self, after: int, limit: int) -> Sequence[Event]:
        raise NotImplementedError


class ReadBefore(FakeConnectionStore):
    """Rows are as they were before the renewal, for ``pages`` and ``rows`` that are read."""

    pages = False
    rows = 0

    def audience(
        self, audience: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        page = super().audience(audience, shard, after, limit)
        if not self.pages:
            return page
        return AudiencePage([_before(one) for one in page.recipients], page.next_after)

    def recipient(self, audience: str, connection_id: str) -> Recipient | None:
        found = super().recipient(audience, connection_id)
        if found is None or not self.rows:
            return found
        self.rows -= 1
        return _before(found)


class Expires(ReadBefore):
    """Nobody renews, and time passes before a row is read again."""

    def recipient(self, audience: str, connection_id: str) -> Recipient | None:
        self.rows = 1
        found = super().recipient(audience, connection_id)
        return found if found is not None and found.token_expires_at > JUST_AFTER else None


def _before(row: Recipient) -> Recipient:
    return replace(row, token_expires_at=OLD_TOKEN_ENDS) if row.connection_id == RENEWS else row


class Scene:
    def __init__(self, store: ReadBefore | None = None, inline: int = 500) -> None:
        self.store, self.push = store or ReadBefore(SHARDS), FakePush()
        self.home = House(self.store, self.push, SHARDS, inline=inline, log=Log())
        crowd(self.store, 3, session_id=17)

    async def happen(self, sequence: int) -> None:
        assert await self.home.broadcast.deliver(logged(later(17, sequence)), within=5) == []
        await self.home.work_shards()

    def heard(self, connection_id: str) -> list[int]:
        return [json.loads(body)["n"] for one, body in self.push.posts if one == connection_id]


@pytest.mark.parametrize("inline", [500, 1], ids=["inline", "queued"])
async def test_whoever_was_passed_over_for_an_old_token_gets_the_event_by_a_job(inline: int) -> None:
    scene = Scene(inline=inline)
    scene.store.pages, scene.push.now = True, JUST_AFTER
    await scene.happen(3)
    scene.store.pages = False
    await scene.happen(4)
    before = scene.heard(RENEWS)

    await scene.home.work()

    assert before == []
    assert scene.heard(RENEWS) == [3, 4]
    assert scene.heard("0000=") == [3, 4]


async def test_whose_token_has_expired_for_good_gets_nothing_more_and_has_no_job() -> None:
    scene = Scene(Expires(SHARDS))
    scene.store.pages, scene.push.now = True, JUST_AFTER

    await scene.happen(3)

    assert scene.home.queue.waiting == []
    assert scene.heard("0000=") == [3]
    assert scene.heard(RENEWS) == []


async def test_a_replay_to_a_row_that_was_read_before_the_renewal_is_begun_again() -> None:
    scene = Scene()
    scene.push.failing = {RENEWS}
    await scene.happen(3)
    await scene.happen(4)
    scene.push.failing = set()
    scene.store.rows, scene.push.now = 1, JUST_AFTER

    await scene.home.work()

    row = scene.store.recipient(NIGHT, RENEWS)
    assert scene.heard(RENEWS) == [3, 4]
    assert row is not None
    assert row.lag is None


async def test_no_line_says_of_whom_was_passed_over_that_it_had_the_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene()
    scene.store.pages, scene.push.now = True, JUST_AFTER
    caplog.set_level("INFO")

    await scene.happen(3)

    (deliveries,) = [vars(one)["deliveries"] for one in caplog.records if hasattr(one, "deliveries")]
    assert sorted(deliveries) == ["0000=", "0002="]

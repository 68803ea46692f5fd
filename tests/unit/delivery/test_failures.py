from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.connections.messages import FailedPost, Outcome
from chalicelib.delivery import failures as module
from chalicelib.delivery.failures import Failures
from chalicelib.delivery.jobs import CatchUpJob, Job
from chalicelib.errors import Unavailable
from chalicelib.nights.events import Event
from tests.unit.delivery.deliveries import STREAM, Deliveries

JOB = CatchUpJob(STREAM, "0000=", 2)


def failures_of(deliveries: Deliveries) -> Failures:
    return deliveries.delivery.failures


def unreached(deliveries: Deliveries) -> Outcome:
    return Outcome({"0001=": 1.0}, failed=[FailedPost(deliveries.row(), 500, "told to")])


def event_of(deliveries: Deliveries, count: int = 1) -> Event:
    return deliveries.log(count)[-1].event


def jobs(deliveries: Deliveries) -> list[Job | None]:
    return deliveries.delivery.queue.jobs()


async def test_whoever_is_gone_is_removed_everywhere() -> None:
    deliveries = Deliveries(2)

    await failures_of(deliveries).handle(event_of(deliveries), Outcome(gone=[deliveries.row()]))

    assert deliveries.store.get("0000=") is None
    assert {stream: [*rows] for stream, rows in deliveries.store.audiences.items()} == {
        "sessions": ["0001="],
        STREAM: ["0001="],
    }
    assert jobs(deliveries) == []


async def test_who_was_not_reached_falls_behind_before_its_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    deliveries = Deliveries(2)
    at_sending: list[int | None] = []
    right = deliveries.delivery.queue.send

    async def send(some: Sequence[Job]) -> None:
        at_sending.append(deliveries.row().behind)
        await right(some)

    monkeypatch.setattr(deliveries.delivery.queue, "send", send)

    await failures_of(deliveries).handle(event_of(deliveries), unreached(deliveries))

    assert at_sending == [2]
    assert (deliveries.row().behind, deliveries.row().missed) == (2, 2)
    assert deliveries.row("0001=").behind is None
    assert jobs(deliveries) == [JOB]
    [line] = [vars(record) for record in caplog.records]
    assert (line["stage"], line["connection_id"], line["behind"]) == ("fell_behind", "0000=", 2)


@pytest.mark.parametrize("renewed", [False, True])
async def test_an_expired_token_may_have_been_renewed(*, renewed: bool) -> None:
    deliveries = Deliveries()
    as_read = deliveries.row()
    deliveries.store.now = as_read.token_expires_at
    if renewed:
        deliveries.change(token_expires_at=as_read.token_expires_at + 1)

    await failures_of(deliveries).handle(event_of(deliveries), Outcome(expired=[as_read]))

    assert deliveries.row().behind == (2 if renewed else None)
    assert jobs(deliveries) == ([JOB] if renewed else [])


async def test_a_job_is_sent_where_the_writes_answer_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = Deliveries()
    right = deliveries.delivery.audiences.fall_behind

    async def written_twice(*arguments: Any) -> bool:
        await right(*arguments)
        return await right(*arguments)

    monkeypatch.setattr(deliveries.delivery.audiences, "fall_behind", written_twice)

    await failures_of(deliveries).handle(event_of(deliveries), unreached(deliveries))

    assert jobs(deliveries) == [JOB]


async def test_an_unsent_job_is_sent_when_the_event_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    async def send(_: Any) -> None:
        raise Unavailable("told to")

    deliveries = Deliveries()
    event = event_of(deliveries)
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.delivery.queue, "send", send)
        with pytest.raises(Unavailable):
            await failures_of(deliveries).handle(event, unreached(deliveries))

    live = await failures_of(deliveries).note(event, [deliveries.row()])

    assert live == []
    assert jobs(deliveries) == [JOB]


async def test_nobody_falls_behind_from_events_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONCURRENCY", 2)
    deliveries = Deliveries(5)
    event = event_of(deliveries, 5)
    deliveries.change(position=4)

    await failures_of(deliveries).fall_behind(event, [deliveries.row(one) for one in deliveries.ids], 2)

    assert [deliveries.row(one).behind for one in deliveries.ids] == [5, 2, 2, 2, 2]
    assert {deliveries.row(one).missed for one in deliveries.ids} == {6}
    assert len(jobs(deliveries)) == 5


@pytest.mark.parametrize(
    ("behind", "missed", "noted", "sends"),
    [(2, 1, 3, True), (3, 1, 3, True), (4, 1, 3, False), (2, 9, 9, True)],
)
async def test_an_event_is_noted_on_the_behind(behind: int, missed: int, noted: int, *, sends: bool) -> None:
    deliveries = Deliveries()
    deliveries.change(behind=behind, missed=missed)

    live = await failures_of(deliveries).note(event_of(deliveries, 2), [deliveries.row()])

    assert live == []
    assert (deliveries.row().behind, deliveries.row().missed) == (behind, noted)
    assert jobs(deliveries) == ([CatchUpJob(STREAM, "0000=", behind)] if sends else [])


@pytest.mark.parametrize(("position", "lacks"), [(2, True), (3, False), (9, False), (None, False)])
async def test_who_became_live_meanwhile_is_posted_to(position: int | None, *, lacks: bool) -> None:
    deliveries = Deliveries()
    deliveries.change(behind=2)
    as_read = deliveries.row()
    if position is None:
        deliveries.store.leave("0000=", STREAM)
    else:
        deliveries.change(behind=None, position=position)

    live = await failures_of(deliveries).note(event_of(deliveries, 2), [as_read])

    assert live == ([deliveries.row()] if lacks else [])
    assert jobs(deliveries) == []

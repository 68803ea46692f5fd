from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import FailedPost, Outcome
from chalicelib.delivery import failures as module
from chalicelib.delivery.failures import Failures
from chalicelib.delivery.jobs import CatchUpJob, Job
from chalicelib.errors import Unavailable
from chalicelib.nights.events import Event
from tests.unit.delivery.deliveries import STREAM, Deliveries


def failures_of(deliveries: Deliveries) -> Failures:
    return deliveries.delivery.failures


def unreached(recipient: Recipient) -> FailedPost:
    return FailedPost(recipient, 500, "told to")


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


async def test_whoever_was_not_reached_falls_behind_and_gets_a_job() -> None:
    deliveries = Deliveries(2)
    outcome = Outcome({"0001=": 1.0}, failed=[unreached(deliveries.row())])

    await failures_of(deliveries).handle(event_of(deliveries), outcome)

    assert (deliveries.row().behind, deliveries.row().missed) == (2, 2)
    assert deliveries.row("0001=").behind is None
    assert jobs(deliveries) == [CatchUpJob(STREAM, "0000=", 2)]


async def test_whoever_has_renewed_an_expired_token_falls_behind() -> None:
    deliveries = Deliveries()
    as_read = deliveries.row()
    deliveries.change(token_expires_at=as_read.token_expires_at + 1)

    await failures_of(deliveries).handle(event_of(deliveries), Outcome(expired=[as_read]))

    assert deliveries.row().behind == 2
    assert jobs(deliveries) == [CatchUpJob(STREAM, "0000=", 2)]


async def test_whose_token_has_expired_gets_no_job() -> None:
    deliveries = Deliveries()
    deliveries.store.now = deliveries.row().token_expires_at

    await failures_of(deliveries).handle(event_of(deliveries), Outcome(expired=[deliveries.row()]))

    assert deliveries.row().behind is None
    assert jobs(deliveries) == []


async def test_the_row_is_written_before_the_job_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = Deliveries()
    at_sending: list[int | None] = []
    right = deliveries.delivery.queue.send

    async def send(some: Sequence[Job]) -> None:
        at_sending.append(deliveries.row().behind)
        await right(some)

    monkeypatch.setattr(deliveries.delivery.queue, "send", send)

    await failures_of(deliveries).handle(event_of(deliveries), Outcome(failed=[unreached(deliveries.row())]))

    assert at_sending == [2]


async def test_a_job_is_sent_where_the_writes_answer_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = Deliveries()
    right = deliveries.delivery.audiences.fall_behind

    async def written_twice(*arguments: Any) -> bool:
        await right(*arguments)
        return await right(*arguments)

    monkeypatch.setattr(deliveries.delivery.audiences, "fall_behind", written_twice)

    await failures_of(deliveries).handle(event_of(deliveries), Outcome(failed=[unreached(deliveries.row())]))

    assert jobs(deliveries) == [CatchUpJob(STREAM, "0000=", 2)]


async def test_an_unsent_job_is_sent_when_the_event_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def send(_: Any) -> None:
        raise Unavailable("told to")

    deliveries = Deliveries()
    event = event_of(deliveries)
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.delivery.queue, "send", send)
        with pytest.raises(Unavailable):
            await failures_of(deliveries).handle(event, Outcome(failed=[unreached(deliveries.row())]))

    live = await failures_of(deliveries).note(event, [deliveries.row()])

    assert live == []
    assert jobs(deliveries) == [CatchUpJob(STREAM, "0000=", 2)]


async def test_nobody_falls_behind_from_events_that_it_has() -> None:
    deliveries = Deliveries(2)
    event = event_of(deliveries, 5)
    deliveries.change(position=4)
    live = [deliveries.row("0000="), deliveries.row("0001=")]

    await failures_of(deliveries).fall_behind(event, live, 2)

    assert [deliveries.row(one).behind for one in deliveries.ids] == [5, 2]
    assert [deliveries.row(one).missed for one in deliveries.ids] == [6, 6]


async def test_a_crowd_falls_behind_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONCURRENCY", 2)
    deliveries = Deliveries(5)
    event = event_of(deliveries)

    await failures_of(deliveries).fall_behind(event, [deliveries.row(one) for one in deliveries.ids], 2)

    assert jobs(deliveries) == [CatchUpJob(STREAM, one, 2) for one in deliveries.ids]


async def test_who_fell_behind_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    deliveries = Deliveries()

    await failures_of(deliveries).fall_behind(event_of(deliveries), [deliveries.row()], 2)

    [line] = [vars(record) for record in caplog.records]
    assert (line["stage"], line["connection_id"], line["behind"]) == ("fell_behind", "0000=", 2)


@pytest.mark.parametrize(("behind", "sends"), [(2, True), (3, True), (4, False)])
async def test_an_event_is_noted_on_whoever_is_behind(behind: int, *, sends: bool) -> None:
    deliveries = Deliveries()
    deliveries.change(behind=behind, missed=1)
    event = event_of(deliveries, 2)

    live = await failures_of(deliveries).note(event, [deliveries.row()])

    assert live == []
    assert (deliveries.row().behind, deliveries.row().missed) == (behind, 3)
    assert jobs(deliveries) == ([CatchUpJob(STREAM, "0000=", behind)] if sends else [])


async def test_an_older_event_does_not_replace_a_newer_note() -> None:
    deliveries = Deliveries()
    deliveries.change(behind=2, missed=9)

    await failures_of(deliveries).note(event_of(deliveries), [deliveries.row()])

    assert deliveries.row().missed == 9
    assert jobs(deliveries) == [CatchUpJob(STREAM, "0000=", 2)]


@pytest.mark.parametrize(("position", "lacks"), [(2, True), (3, False), (9, False)])
async def test_whoever_became_live_meanwhile_is_posted_to(position: int, *, lacks: bool) -> None:
    deliveries = Deliveries()
    deliveries.change(behind=2)
    as_read = deliveries.row()
    deliveries.change(behind=None, position=position)

    live = await failures_of(deliveries).note(event_of(deliveries, 2), [as_read])

    assert live == ([deliveries.row()] if lacks else [])
    assert jobs(deliveries) == []


async def test_of_whoever_left_meanwhile_nothing_is_noted() -> None:
    deliveries = Deliveries()
    deliveries.change(behind=2)
    as_read = deliveries.row()
    deliveries.store.leave("0000=", STREAM)

    live = await failures_of(deliveries).note(event_of(deliveries), [as_read])

    assert live == []
    assert jobs(deliveries) == []
    assert deliveries.store.audiences[STREAM] == {}

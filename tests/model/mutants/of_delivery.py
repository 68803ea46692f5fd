"""Broken deliveries."""

from math import inf
from typing import Any

from msgspec.structs import replace

from chalicelib.delivery.broadcast import Broadcast
from chalicelib.delivery.catch_up import CatchUp
from chalicelib.delivery.failures import Failures
from chalicelib.delivery.fan_out import ShardDelivery
from chalicelib.delivery.jobs import Checkpoint, Progress
from tests.fakes.delivery import FakeAudiences, FakeProgress
from tests.model.mutants.mutant import mutant


@mutant(FakeAudiences, "become_live")
async def live_whatever_was_noted(_right: Any, self: Any, stream: str, one: str, *place: int) -> bool:
    row, (behind, position) = self._row(stream, one), place
    if row is None or row.behind != behind:
        return False
    saved: bool = self._save(stream, replace(row, behind=None, missed=0, position=position))
    return saved


@mutant(FakeAudiences, "note_missed")
async def nothing_is_noted(*_: Any) -> bool:
    return True


@mutant(Failures, "note")
async def behind_connections_are_posted_to(_right: Any, _self: Any, _event: Any, recipients: Any) -> Any:
    return recipients


@mutant(Failures, "handle")
async def failures_are_forgotten(*_: Any) -> None:
    pass


@mutant(FakeAudiences, "fall_behind")
async def a_row_is_not_written_before_its_job_is_sent(*_: Any) -> bool:
    return True


@mutant(CatchUp, "resume")
async def a_resume_that_fails_leaves_no_job(_right: Any, self: Any, *asked: Any) -> Any:
    return await self.run(*asked)


@mutant(CatchUp, "work")
async def a_failed_job_counts_as_done(
    _right: Any, self: Any, job: Any, _attempt: int, deadline: float
) -> None:
    await self.run(job.stream, job.connection_id, deadline)


@mutant(Progress, "first_missing")
def what_was_given_up_is_passed_over(_right: Any, _self: Any, event: Any) -> Any:
    return event.sequence


@mutant(FakeProgress, "progress")
async def jobs_are_overtaken(right: Any, self: Any, stream: str) -> Any:
    return replace(await right(self, stream), pending=None)


@mutant(ShardDelivery, "_read")
def a_checkpoint_is_saved_too_early(right: Any, self: Any, job: Any, after: str | None) -> Any:
    if after is not None:
        early = Checkpoint(job.event.cursor, job.first, after)
        self.store._store._checkpoints[job.event.stream, job.shard] = early, inf
    return right(self, job, after)


@mutant(Broadcast, "_event")
async def a_batch_is_handled_before_it_is_posted(right: Any, self: Any, record: Any, *how: Any) -> Any:
    await self._store.save_handled(record.event.stream, record.event.cursor)
    return await right(self, record, *how)


@mutant(Broadcast, "run")
async def records_that_failed_are_forgotten(right: Any, *batch: Any, within: float) -> list[str]:
    await right(*batch, within=within)
    return []


@mutant(FakeAudiences, "page")
async def one_page_of_an_audience_is_read(right: Any, *where: Any, **limit: Any) -> Any:
    return replace(await right(*where, **limit), next_after=None)


@mutant(Failures, "remove")
async def traces_of_the_gone_are_left(*_: Any) -> None:
    pass

"""Broken deliveries, each a function that breaks one thing for as long as its patch lasts."""

from dataclasses import replace
from math import inf
from typing import Any

from pytest import MonkeyPatch  # noqa: PT013 - a name of a type, as all others here

from chalicelib.delivery.broadcast import Broadcast
from chalicelib.delivery.catch_up import CatchUp, CaughtUp
from chalicelib.delivery.failures import Failures
from chalicelib.delivery.fan_out import ShardDelivery
from chalicelib.delivery.jobs import Checkpoint, FanOutJob, Progress
from chalicelib.delivery.ports import AudiencePage
from tests.fakes.delivery import FakeAudiences, FakeProgress


async def _true(*_: Any, **__: Any) -> bool:
    return True


async def _nothing(*_: Any, **__: Any) -> None:
    pass


def live_whatever_was_noted(patch: MonkeyPatch) -> None:
    async def become_live(self: FakeAudiences, stream: str, one: str, behind: int, position: int) -> bool:
        row = self._row(stream, one)
        if row is None or row.behind != behind:
            return False
        return self._save(stream, replace(row, behind=None, missed=0, position=position))

    patch.setattr(FakeAudiences, "become_live", become_live)


def nothing_is_noted(patch: MonkeyPatch) -> None:
    patch.setattr(FakeAudiences, "note_missed", _true)


def behind_connections_are_posted_to(patch: MonkeyPatch) -> None:
    async def note(_self: Any, _event: Any, recipients: Any) -> Any:
        return recipients

    patch.setattr(Failures, "note", note)


def failures_are_forgotten(patch: MonkeyPatch) -> None:
    patch.setattr(Failures, "handle", _nothing)


def a_row_is_not_written_before_its_job_is_sent(patch: MonkeyPatch) -> None:
    patch.setattr(FakeAudiences, "fall_behind", _true)


def a_resume_that_fails_leaves_no_job(patch: MonkeyPatch) -> None:
    async def resume(self: CatchUp, stream: str, one: str, deadline: float, until: int) -> CaughtUp:
        return await self.run(stream, one, deadline, until)

    patch.setattr(CatchUp, "resume", resume)


def a_failed_job_counts_as_done(patch: MonkeyPatch) -> None:
    async def work(self: CatchUp, job: Any, _attempt: int, deadline: float) -> None:
        await self.run(job.stream, job.connection_id, deadline)

    patch.setattr(CatchUp, "work", work)


def what_was_given_up_is_passed_over(patch: MonkeyPatch) -> None:
    patch.setattr(Progress, "first_missing", lambda _self, event: event.sequence)


def jobs_are_overtaken(patch: MonkeyPatch) -> None:
    right = FakeProgress.progress

    async def progress(self: FakeProgress, stream: str) -> Progress:
        return replace(await right(self, stream), pending=None)

    patch.setattr(FakeProgress, "progress", progress)


def a_checkpoint_is_saved_too_early(patch: MonkeyPatch) -> None:
    right = ShardDelivery._read

    def read(self: ShardDelivery, job: FanOutJob, after: str | None) -> Any:
        if after is not None:
            store: Any = self.store
            early = Checkpoint(job.event.cursor, job.first, after)
            store._store._checkpoints[job.event.stream, job.shard] = early, inf
        return right(self, job, after)

    patch.setattr(ShardDelivery, "_read", read)


def a_batch_is_handled_before_it_is_posted(patch: MonkeyPatch) -> None:
    right = Broadcast._event

    async def event(self: Broadcast, record: Any, progress: Any, deadline: float) -> Any:
        await self._store.save_handled(record.event.stream, record.event.cursor)
        return await right(self, record, progress, deadline)

    patch.setattr(Broadcast, "_event", event)


def records_that_failed_are_forgotten(patch: MonkeyPatch) -> None:
    right = Broadcast.run

    async def run(self: Broadcast, records: Any, *, within: float) -> list[str]:
        await right(self, records, within=within)
        return []

    patch.setattr(Broadcast, "run", run)


def one_page_of_an_audience_is_read(patch: MonkeyPatch) -> None:
    _alter_pages(patch, lambda page: replace(page, next_after=None))


def traces_of_the_gone_are_left(patch: MonkeyPatch) -> None:
    patch.setattr(Failures, "remove", _nothing)


def _alter_pages(patch: MonkeyPatch, alter: Any) -> None:
    right = FakeAudiences.page

    async def page(self: FakeAudiences, *arguments: Any, **named: Any) -> AudiencePage:
        altered: AudiencePage = alter(await right(self, *arguments, **named))
        return altered

    patch.setattr(FakeAudiences, "page", page)

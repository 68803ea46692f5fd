import pytest

from chalicelib.delivery.jobs import CatchUpJob, Checkpoint, FanOutJob, Progress
from chalicelib.nights.cursors import Cursor
from tests.fakes.crowd import later


@pytest.mark.parametrize(
    ("checkpoint", "covers"),
    [
        (Checkpoint(Cursor("e1", 5), 5), False),
        (Checkpoint(Cursor("e1", 5), 5, "abc="), False),
        (Checkpoint(Cursor("e1", 5), 5, None, done=True), True),
        (Checkpoint(Cursor("e1", 6), 6), True),
        (Checkpoint(Cursor("e1", 4), 4, None, done=True), False),
        (Checkpoint(Cursor("e2", 6), 6, None, done=True), False),
    ],
)
def test_a_checkpoint_covers_what_its_shard_has(checkpoint: Checkpoint, *, covers: bool) -> None:
    assert checkpoint.covers(Cursor("e1", 5)) is covers


@pytest.mark.parametrize(
    ("handled", "first_missing", "has_handled"),
    [
        (None, 1, False),
        (Cursor("e1", 3), 4, False),
        (Cursor("e1", 4), 5, False),
        (Cursor("e1", 5), 5, True),
        (Cursor("e1", 9), 5, True),
        (Cursor("another", 9), 1, False),
        (Cursor("another", 2), 1, False),
    ],
)
def test_progress_tells_the_first_event_that_is_missing(
    handled: Cursor | None, first_missing: int, *, has_handled: bool
) -> None:
    progress, event = Progress(handled), later(1, 5)

    assert (progress.first_missing(event), progress.has_handled(event)) == (first_missing, has_handled)


def test_a_job_sent_twice_has_one_name() -> None:
    jobs = [FanOutJob(later(1, 2), 0, first) for first in (2, 1)]

    assert len({(job.group, job.name) for job in jobs}) == 1


def test_jobs_of_a_shard_are_one_group() -> None:
    jobs = [FanOutJob(later(1, sequence), shard, sequence) for sequence in (2, 3) for shard in (0, 1)]

    assert [job.group for job in jobs] == ["session:1#0", "session:1#1"] * 2
    assert len({job.name for job in jobs}) == 4


def test_a_connection_behind_is_a_group_of_its_own() -> None:
    first, on, other = (
        CatchUpJob("session:1", one, behind) for one, behind in (("a", 2), ("a", 5), ("b", 2))
    )

    assert first.group == on.group != other.group
    assert first.name != on.name

import pytest

from chalicelib.delivery.jobs import Checkpoint, FanOutJob, Progress
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
    jobs = [FanOutJob(later(1, 2), 0, first, None) for first in (2, 1)]

    assert len({(job.group, job.name) for job in jobs}) == 1

import asyncio

import pytest

from chalicelib.delivery import hold
from chalicelib.delivery.hold import HOLD_SECONDS, held
from chalicelib.delivery.jobs import Received
from chalicelib.errors import Unavailable
from tests.fakes.delivery import FakeJobQueue

MESSAGE = Received("1", "receipt", "all#0", 1, None)


class Deaf(FakeJobQueue):
    """A queue that hears so many beats and no more; ``spoken`` is set once ``beats`` were said."""

    def __init__(self, hears: int, beats: int = 0) -> None:
        super().__init__()
        self.spoken = asyncio.Event()
        self.said = 0
        self._hears = hears
        self._beats = beats

    async def hold(self, received: Received, seconds: int) -> None:
        self.said += 1
        if self.said >= self._beats:
            self.spoken.set()
        if self.said > self._hears:
            raise Unavailable("throttled")
        await super().hold(received, seconds)


class Patient(FakeJobQueue):
    """A queue that takes its time for the first beat."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def hold(self, received: Received, seconds: int) -> None:
        self.asked.set()
        await self.may_answer.wait()
        await super().hold(received, seconds)


async def test_a_job_is_held_again_and_again_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "BEAT_SECONDS", 0.001)
    queue = Deaf(hears=100, beats=3)

    async with held(queue, MESSAGE):
        await queue.spoken.wait()

    assert set(queue.holds) == {("all#0", HOLD_SECONDS)}


async def test_nothing_is_said_of_a_job_once_it_is_over() -> None:
    queue = Patient()

    async def work() -> None:
        async with held(queue, MESSAGE):
            await queue.asked.wait()
        assert queue.holds == [("all#0", HOLD_SECONDS)]

    working = asyncio.create_task(work())
    await queue.asked.wait()
    queue.may_answer.set()
    await working


@pytest.mark.parametrize("hears", [0, 2])
async def test_who_can_not_hold_a_job_any_more_stops_before_another_may_begin(
    monkeypatch: pytest.MonkeyPatch, hears: int
) -> None:
    monkeypatch.setattr(hold, "BEAT_SECONDS", 0.001)
    monkeypatch.setattr(hold, "MARGIN_SECONDS", HOLD_SECONDS - 0.05)
    queue = Deaf(hears)

    with pytest.raises(Unavailable):
        async with held(queue, MESSAGE):
            await asyncio.Event().wait()

    assert len(queue.holds) == hears


async def test_one_beat_that_is_not_heard_ends_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "BEAT_SECONDS", 0.001)
    queue = Deaf(hears=1, beats=3)

    async with held(queue, MESSAGE):
        await queue.spoken.wait()

    assert queue.holds == [("all#0", HOLD_SECONDS)]


async def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="broken"):
        async with held(FakeJobQueue(), MESSAGE):
            raise ValueError("broken")

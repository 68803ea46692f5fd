import asyncio
import json
import threading
from collections.abc import Sequence
from contextlib import suppress

from infra.local.triggers.failure_destination import FailureDestination
from infra.local.triggers.pace import Pace

EAGER = Pace(retry=0.001, retry_at_most=0.001)


class FlakyQueue:
    """A queue that does not answer at first."""

    def __init__(self, failures: int) -> None:
        self.sent: list[str] = []
        self._failures = failures
        self._changed = threading.Condition()

    def send(self, body: str) -> None:
        if self._failures:
            self._failures -= 1
            raise OSError("no answer")
        with self._changed:
            self.sent.append(body)
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, timeout=60)


async def sent(queue: FlakyQueue, failures: Sequence[dict[str, int]]) -> None:
    destination = FailureDestination(queue, EAGER)
    for one in failures:
        destination.take(one)
    running = asyncio.create_task(destination.run())
    await asyncio.to_thread(queue.wait_for, len(failures))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_what_is_given_up_is_on_the_queue_in_order() -> None:
    queue = FlakyQueue(failures=0)

    await sent(queue, [{"n": 1}, {"n": 2}])

    assert [json.loads(body) for body in queue.sent] == [{"n": 1}, {"n": 2}]


async def test_a_queue_that_does_not_answer_is_asked_again_and_nothing_is_lost() -> None:
    queue = FlakyQueue(failures=3)

    await sent(queue, [{"n": 1}, {"n": 2}])

    assert [json.loads(body) for body in queue.sent] == [{"n": 1}, {"n": 2}]

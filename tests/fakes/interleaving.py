"""Delivery on fakes whose every call lets others run first, and may be the last one of its function."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from chalicelib.connections.connection import Recipient
from chalicelib.connections.messages import FailedPost, Message, Outcome


class Killed(BaseException):
    """Lambda has ended the function here."""


class InlineExecutor(ThreadPoolExecutor):
    """Runs what it is given at once, in the caller's thread, so that the order is always the same."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments, **named))
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits for the result
            future.set_exception(error)
        return future


class Chaos:
    """Decides who runs next, which call kills its function, and which posts fail."""

    def __init__(self, seed: int, *, kills: float, failures: float) -> None:
        self.random = random.Random(seed)
        self.kills = kills
        self.failures = failures

    async def step(self) -> None:
        """Let others run, or end the function that calls this."""
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 3, 60))):
            await asyncio.sleep(0)
        if self.random.random() < self.kills:
            raise Killed

    async def step_quietly(self) -> None:
        """Let others run."""
        with contextlib.suppress(Killed):
            await self.step()

    def around(self, port: Any) -> Any:
        """Return a port whose every method is a step before and a step after."""
        return _Around(port, self)

    def happens(self, rate: float) -> bool:
        return self.random.random() < rate


class _Around:
    def __init__(self, port: Any, chaos: Chaos) -> None:
        self._store = port
        self._chaos = chaos

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            await self._chaos.step()
            result = await method(*arguments, **named)
            await self._chaos.step()
            return result

        return call


class ChaoticPush:
    """A push that loses posts, or only their answers, or finds tokens expired that were just renewed.

    ``hear`` is told of what arrives.
    """

    def __init__(self, chaos: Chaos, hear: Callable[[str, bytes], bool]) -> None:
        self._chaos = chaos
        self._hear = hear
        self.closed: list[str] = []

    async def send(self, message: Message, recipients: Sequence[Recipient], *, within: float) -> Outcome:
        """See the port."""
        assert within >= 0
        outcome = Outcome()
        for recipient in recipients:
            await self._chaos.step()
            if self._chaos.happens(self._chaos.failures):
                if self._chaos.happens(0.5):
                    outcome.expired.append(recipient)
                else:
                    outcome.failed.append(FailedPost(recipient, None, "lost"))
                continue
            if not self._hear(recipient.connection_id, message.body_for(recipient)):
                outcome.gone.append(recipient)
            elif self._chaos.happens(self._chaos.failures):
                outcome.failed.append(FailedPost(recipient, None, "its answer was lost"))
            else:
                outcome.delivered[recipient.connection_id] = 0.0
        await self._chaos.step()
        return outcome

    async def disconnect(self, recipient: Recipient) -> bool:
        """See the port."""
        await self._chaos.step()
        self.closed.append(recipient.connection_id)
        return True

    async def close(self) -> None:
        """See the port."""

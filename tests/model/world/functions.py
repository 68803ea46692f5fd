"""The deployed functions, each entered by raw AWS events in an environment of its own, as on Lambda.

An environment whose function was killed is not used again. What is wrong is collected in ``complaints`` and
not raised: a handler would catch it.
"""

import asyncio
import importlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from infra.local.deployment import Moment
from tests.model.world.environment import Context, Environment
from tests.model.world.interruptions import FunctionFailed, Interruption, Invocation, Killed
from tests.model.world.time import Time

ENVIRONMENT = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
"""As Lambda has it. Chalice makes an @connections client of its own, which nothing uses."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a REST request was answered."""

    status: int
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Functions(Time):
    """The functions. ``_environment`` makes an environment, ``_check_forgotten`` looks at who was gone."""

    def __init__(self) -> None:
        super().__init__()
        self._running: list[tuple[Invocation, Environment]] = []
        self._free: list[Environment] = []
        self._ids = itertools.count(1)
        self._app: Any = importlib.import_module("app")
        self._patch = pytest.MonkeyPatch()
        for name, value in ENVIRONMENT.items():
            self._patch.setenv(name, value)
        self._patch.setattr(self._app, "application", lambda: self._running[-1][1])
        self.complaints: list[str] = []

    def close(self) -> None:
        self._end_environments()
        self._patch.undo()

    def complain(self, text: str) -> None:
        self.complaints.append(text)

    def new_number(self) -> int:
        return next(self._ids)

    def invoke(self, name: str, handler: Any, event: Any, interruptions: Sequence[Interruption] = ()) -> Any:
        """Run a handler to its end. Raises FunctionFailed where it did not get there."""
        invocation = Invocation(name, interruptions, self._perform)
        environment = self._free.pop() if self._free else self._environment()
        with self._entered(invocation, environment):
            try:
                answer = _outside_of_any_loop(lambda: handler(event, Context()))
            except Killed:
                answer = None
            except Exception as error:
                self._free.append(environment)
                if invocation.faults == 0:
                    self.complain(f"{name} raised {error!r}")
                raise FunctionFailed from error
            if invocation.dead:
                environment.end()
                raise FunctionFailed
        self._free.append(environment)
        if not invocation.faults and not self._running:
            self._check_forgotten(invocation.gone)
        return json.loads(json.dumps(answer))

    @contextmanager
    def _entered(self, invocation: Invocation, environment: Environment) -> Iterator[None]:
        self._running.append((invocation, environment))
        try:
            yield
        finally:
            self._running.pop()

    def _environment(self) -> Environment:
        raise NotImplementedError

    def _check_forgotten(self, gone: set[str]) -> None:
        raise NotImplementedError

    def _invocation(self) -> Invocation | None:
        return self._running[-1][0] if self._running else None

    def _end_environments(self) -> None:
        for environment in self._free:
            environment.end()
        self._free.clear()

    def _perform(self, action: Any) -> None:
        action(self)

    def _moment(self) -> Moment:
        return Moment(self._now, f"request{next(self._ids)}")

    def _socket_event(self, connection_id: str, route: str, kind: str) -> dict[str, Any]:
        milliseconds = int(self.seconds() * 1000)
        context = {
            "routeKey": route,
            "eventType": kind,
            "connectionId": connection_id,
            "connectedAt": milliseconds,
            "requestTimeEpoch": milliseconds,
            "requestId": "r",
            "apiId": "api",
            "stage": "dev",
            "domainName": "localhost",
            "identity": {"sourceIp": "127.0.0.1"},
        }
        return {"requestContext": context, "isBase64Encoded": False}


def _outside_of_any_loop(call: Callable[[], Any]) -> Any:
    """Run a call where no event loop is running: in this thread, or in one of its own meanwhile."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call()
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits for the result
            future.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return future.result()

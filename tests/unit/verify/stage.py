"""A deployed stage that measures are tried on: its client's side and its deployer's are scripted."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from websockets.exceptions import ConnectionClosedError

from infra.deploy.stage import Stage
from infra.deploy.verify.service import Service
from tests.fakes.progress import SilentProgress

CLOSED = ConnectionClosedError(None, None)
NIGHT = 7


def started(number: int = NIGHT) -> dict[str, Any]:
    return {"type": "session.started", "data": {"session": {"id": number}}}


class FakeBot:
    """A connection that receives frames, or errors, one after the other; then nothing comes."""

    def __init__(self, *coming: object, pong: Exception | None = None) -> None:
        self._coming = list(coming)
        self._pong = pong
        self.sent: list[Any] = []

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))

    def recv(self, timeout: float) -> str:
        del timeout
        if not self._coming:
            raise TimeoutError
        frame = self._coming.pop(0)
        if isinstance(frame, Exception):
            raise frame
        return json.dumps(frame)

    def ping(self) -> Any:
        if self._pong:
            raise self._pong
        return SimpleNamespace(wait=lambda _: True)


class FakeService:
    def __init__(
        self, target: Any, bots: Sequence[FakeBot], answer: tuple[int, Any], seconds: Sequence[float]
    ) -> None:
        self.target = target
        self.rest_url, self.websocket_url, self.token = "http://there/api", "ws://there", "a.b.c"
        self._bots, self._answer, self._seconds = list(bots), answer, list(seconds)

    @contextmanager
    def bot(self, _: float | None = None) -> Iterator[FakeBot]:
        yield self._bots.pop(0)

    def ask(self, *_: object) -> tuple[int, Any]:
        return self._answer

    def start_night(self) -> int:
        return NIGHT

    def seconds_to_event(self, _: FakeBot) -> float:
        if not self._seconds:
            raise CLOSED
        return self._seconds.pop(0)


class FakeAws:
    """An account whose pages are all the same, and whose functions note that they were changed."""

    account = "123456789012"
    region = "us-east-1"

    def __init__(self, *listed: Any) -> None:
        self.listed = listed
        self.renewed: list[str] = []

    def pages(self, *_: str, **__: object) -> Iterator[Any]:
        yield from self.listed

    def client(self, _: str) -> Any:
        return self

    def update_function_configuration(self, *, FunctionName: str, Description: str) -> None:  # noqa: N803
        if not Description:  # as it was before
            self.renewed.append(FunctionName)

    def get_waiter(self, _: str) -> Any:
        return SimpleNamespace(wait=lambda **_: None)


def service(
    *bots: FakeBot,
    answer: tuple[int, Any] = (200, {}),
    seconds: Sequence[float] = (),
    listed: Sequence[Any] = (),
    drift: Sequence[str] = (),
    emulator: str | None = None,
    project: Path = Path(),
) -> Service:
    target = SimpleNamespace(
        aws=FakeAws(*listed),
        stage=Stage("dev"),
        project=project,
        options=SimpleNamespace(push_endpoint=emulator, architecture="arm64"),
        functions=["sweep", "deliver"],
        stack=SimpleNamespace(drift=lambda: [*drift]),
        progress=SilentProgress(),
    )
    return cast("Service", FakeService(target, bots, answer, seconds))

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.entry_points.conftest import Service


class Context:
    function_name = "game-night-live-dev-websocket_disconnect"
    aws_request_id = "i-1"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Recorder:
    """Records how long each invocation may take."""

    def __init__(self) -> None:
        self.begun: list[float | None] = []

    def begin(self, seconds: float | None) -> None:
        self.begun.append(seconds)


def disconnect(connection_id: str) -> None:
    if connection_id == "fails=":
        raise RuntimeError


@pytest.mark.parametrize("connection_id", ["abc=", "fails="])
def test_calls_have_the_time_of_their_invocation_less_a_margin(
    service: Service,  # noqa: ARG001 - it is what app.py can be imported in
    monkeypatch: pytest.MonkeyPatch,
    connection_id: str,
) -> None:
    app: Any = importlib.import_module("app")
    time = Recorder()
    live = SimpleNamespace(time=time, connections=SimpleNamespace(disconnect=disconnect))
    monkeypatch.setattr(app, "application", lambda: live)
    event = {
        "requestContext": {
            "connectionId": connection_id,
            "eventType": "DISCONNECT",
            "apiId": "api",
            "stage": "dev",
            "domainName": "d",
        }
    }

    try:
        app.websocket_disconnect(event, Context())
    except RuntimeError:
        assert connection_id == "fails="

    assert time.begun == [25.0, None]

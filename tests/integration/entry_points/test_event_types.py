"""Frames that API Gateway hands to the function of another route, as a client's ``action`` asks for."""

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.entry_points.conftest import Service


@pytest.mark.parametrize("function", ["websocket_connect", "websocket_disconnect"])
def test_a_frame_neither_opens_nor_ends_its_connection(
    service: Service,  # noqa: ARG001 - it is what app.py can be imported in
    monkeypatch: pytest.MonkeyPatch,
    function: str,
) -> None:
    app: Any = importlib.import_module("app")
    called: list[str] = []
    connections = SimpleNamespace(
        connect=lambda _: called.append("connect"), disconnect=lambda _: called.append("disconnect")
    )
    live = SimpleNamespace(time=SimpleNamespace(begin=lambda _: None), connections=connections)
    monkeypatch.setattr(app, "application", lambda: live)
    context = {
        "connectionId": "abc=",
        "eventType": "MESSAGE",
        "apiId": "api",
        "stage": "dev",
        "domainName": "d",
    }

    getattr(app, function)(
        {"requestContext": context, "body": f'{{"action":"${function.partition("_")[2]}"}}'}, None
    )

    assert called == []

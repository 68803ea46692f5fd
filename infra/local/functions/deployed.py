"""Lists the Lambda functions of the Chalice app, as ``chalice deploy`` would create them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.app import Chalice
from chalice.config import Config

CHALICE_TIMEOUT_SECONDS = 60
"""Chalice's default."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its name on AWS, its handler as ``module.attribute``, and its time-out."""

    name: str
    handler: str
    timeout_seconds: int


def deployed_functions(app: Chalice, project: Path, stage: str) -> dict[str, Function]:
    """Return every function by its name."""
    file = project / ".chalice" / "config.json"
    on_disk: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    functions = {}
    for name, handler in _handlers(app):
        config = Config(chalice_stage=stage, function_name=name, config_from_disk=on_disk)
        functions[name] = Function(name, handler, config.lambda_timeout or CHALICE_TIMEOUT_SECONDS)
    return functions


def triggered(app: Chalice, kind: type) -> list[Any]:
    """Return Chalice's configuration of each function with this kind of event source."""
    return [source for source in app.event_sources if isinstance(source, kind)]


def _handlers(app: Chalice) -> Iterator[tuple[str, str]]:
    yield "api_handler", "app.app"
    for one in (*app.websocket_handlers.values(), *app.event_sources, *app.pure_lambda_functions):
        yield one.name, one.handler_string

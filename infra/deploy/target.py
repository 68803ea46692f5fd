"""Holds what every part of a deployment needs: the stage, its account, its options, the terminal."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.deploy.aws import Aws, if_there
from infra.deploy.chalice.command import Function
from infra.deploy.chalice.config import ChaliceConfig
from infra.deploy.chalice.state import ChaliceState, recorded_or_first, rest_api_ids, websocket_api_ids
from infra.deploy.output import Progress
from infra.deploy.stack import Stack
from infra.deploy.stage import Stage, StageConfig

Part = tuple[str, Callable[[], object]]
"""The name of something that belongs to a stage, and what removes it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A stage to work on. ``functions`` are those that app.py declares, by their names."""

    aws: Aws
    stage: Stage
    project: Path
    options: StageConfig
    functions: Mapping[str, Function]
    progress: Progress

    @property
    def stack(self) -> Stack:
        """What is around the functions."""
        return Stack(self.aws.client("cloudformation"), self.stage.stack, self.progress)

    @property
    def config(self) -> ChaliceConfig:
        """Chalice's configuration."""
        return ChaliceConfig(self.project)

    @property
    def record(self) -> ChaliceState:
        """Chalice's record of what it deployed."""
        return ChaliceState(self.project, self.stage)

    @property
    def rest_api(self) -> str:
        """The id of the REST API, empty where there is none."""
        return recorded_or_first(self.record.rest_api, rest_api_ids(self.aws, self.stage)) or ""

    @property
    def websocket_api(self) -> str:
        """The id of the WebSocket API, empty where there is none."""
        return recorded_or_first(self.record.websocket_api, websocket_api_ids(self.aws, self.stage)) or ""

    def rest_stage(self) -> Any:
        """Return API Gateway's description of the REST API's stage, nothing if there is none."""
        client, api = self.aws.client("apigateway"), self.rest_api
        return api and if_there(client.get_stage, restApiId=api, stageName=self.stage.name)

    def websocket_stage(self) -> Any:
        """Return API Gateway's description of the WebSocket API's stage, nothing if there is none."""
        client, api = self.aws.client("apigatewayv2"), self.websocket_api
        return api and if_there(client.get_stage, ApiId=api, StageName=self.stage.name)

    def url(self, api_id: str) -> str:
        """Return where an API is reached."""
        return self.stage.url(api_id, self.aws.region, self.options.push_endpoint)

    def rest_url(self, api_id: str) -> str:
        """Return the URL that ends in ``/api``."""
        return f"{self.url(api_id)}/api"

    def websocket_url(self, api_id: str) -> str:
        """Return the URL that clients connect to."""
        return re.sub("^http", "ws", self.url(api_id))


def remove(parts: Iterable[Part], progress: Progress) -> bool:
    """Remove parts of a stage, and show each; return whether there were any."""
    found = [*parts]  # all of them are looked for before the first is gone
    for what, delete in found:
        delete()
        progress.detail(f"deleted the {what}")
    return bool(found)


def environment_of(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return a function's environment variables."""
    variables: dict[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return variables

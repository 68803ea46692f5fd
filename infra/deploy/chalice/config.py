"""Reads and writes Chalice's configuration, ``.chalice/config.json``.

What all stages have in common is written by hand, see docs/deploying.md. A stage's entry is generated, so
that a plain ``chalice deploy --stage NAME`` works.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.config import Config

from infra.budget import CONCURRENCY, POSTING, posts_per_second
from infra.deploy.output import DeploymentError
from infra.deploy.stage import Stage, StageConfig, role_output

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChaliceConfig:
    """The file of the project in a folder."""

    project: Path

    @property
    def path(self) -> Path:
        """Where Chalice reads it."""
        return self.project / ".chalice" / "config.json"

    def entry(self, stage: Stage) -> Entry:
        """Return a stage's entry, empty where there is none."""
        entry: Entry = self._read()["stages"].get(stage.name, {})
        return entry

    def effective(self, stage: Stage) -> Entry:
        """Return the content without other stages."""
        return {**self._read(), "stages": {stage.name: self.entry(stage)}}

    def of_function(self, stage: Stage, name: str = "") -> Config:
        """Return Chalice's own view of a function's configuration; without a name, of the stage's."""
        return Config(chalice_stage=stage.name, function_name=name, config_from_disk=self._read())

    def record(self, stage: Stage, entry: Entry | None) -> bool:
        """Write a stage's entry, or remove it if it is None; return whether the file has changed."""
        content = self._read()
        stages = {**content["stages"], stage.name: entry}
        content["stages"] = {name: one for name, one in sorted(stages.items()) if one is not None}
        changed = content != self._read()
        if changed:
            self.path.write_text(json.dumps(content, indent=2) + "\n")
        return changed

    def _read(self) -> Entry:
        try:
            content: Entry = json.loads(self.path.read_text())
        except FileNotFoundError:
            raise DeploymentError(
                f"{self.path} is missing. `git checkout {self.path}` brings it back."
            ) from None
        except ValueError as error:
            raise DeploymentError(f"{self.path} is not JSON ({error}). Undo your changes in it.") from error
        content.setdefault("stages", {})  # where the file has it, so that git shows no other order
        return content


def stage_entry(  # noqa: PLR0913 - each is found out by itself
    stage: Stage,
    functions: Iterable[str],
    options: StageConfig,
    outputs: Mapping[str, str],
    stream_arn: str,
    *,
    websocket_url: str = "",
    rest_url: str = "",
    reserve_concurrency: bool = True,
) -> Entry:
    """Return the entry of a stage. Raises DeploymentError where a function has no role in the stack.

    ``websocket_url`` is empty until Chalice has made the API. ``rest_url`` is the address above ``/api``;
    only an emulator needs it, since on AWS each request says where it was sent.
    """
    environment = {
        "STAGE": stage.name,
        "SESSIONS_TABLE": outputs["SessionsTableName"],
        "CONNECTIONS_TABLE": outputs["ConnectionsTableName"],
        "SESSIONS_STREAM_ARN": stream_arn,
        "DELIVERY_QUEUE_URL": outputs["DeliveryQueueUrl"],
        "DELIVERY_QUEUE_ARN": outputs["DeliveryQueueArn"],
        "STREAM_FAILURE_QUEUE_URL": outputs["StreamFailureQueueUrl"],
        "JWT_SECRET_PARAMETER": stage.secret_parameter,
    }
    if options.push_endpoint:
        environment["PUSH_ENDPOINT"] = options.push_endpoint
    per_function: dict[str, Entry] = {}
    for function in functions:
        role = outputs.get(role_output(function))
        if role is None:
            raise DeploymentError(
                f"The function {function} has no role. Add its role, its log group and an output "
                f"{role_output(function)} to infra/deploy/stack.yaml, as other functions have them."
            )
        per_function[function] = {"iam_role_arn": role}
        if function == "api_handler" and websocket_url:
            # Only REST tells them, so that no other function changes when they become known.
            told = {"WEBSOCKET_URL": websocket_url, "REST_URL": rest_url}
            per_function[function]["environment_variables"] = {name: url for name, url in told.items() if url}
        if function in POSTING:
            rate = str(posts_per_second(options.account_rate))
            per_function[function]["environment_variables"] = {"POSTS_PER_SECOND": rate}
            if function in CONCURRENCY and reserve_concurrency:  # a young account has none to give
                per_function[function]["reserved_concurrency"] = CONCURRENCY[function]
    return {
        "api_gateway_stage": stage.name,
        "lambda_architecture": options.architecture,
        "environment_variables": environment,
        "lambda_functions": per_function,
    }

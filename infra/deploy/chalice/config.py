"""``.chalice/config.json``: what every stage has in common, and what provisioning found out about each.

The common part is written by hand and explained in docs/deploying.md; the entry of a stage is generated, the
way Chalice's own samples record what they created, so that a plain ``chalice deploy --stage NAME`` works.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.config import Config

from infra.budget import CONCURRENCY, posts_per_second
from infra.deploy.errors import DeploymentError
from infra.deploy.stage import Stage, StageConfig, role_output


@dataclass(frozen=True, slots=True)
class ChaliceConfig:
    """The file at ``path``."""

    path: Path

    def entry(self, stage: Stage) -> dict[str, Any]:
        """Return a stage's entry, empty where there is none."""
        entry: dict[str, Any] = self._read().get("stages", {}).get(stage.name, {})
        return entry

    def effective(self, stage: Stage) -> dict[str, Any]:
        """Return all that bears on one stage."""
        content = self._read()
        return {**content, "stages": {stage.name: content.get("stages", {}).get(stage.name, {})}}

    def of_function(self, stage: Stage, name: str = "") -> Config:
        """Return what Chalice makes of all that for one function, or for all where none is named."""
        return Config(chalice_stage=stage.name, function_name=name, config_from_disk=self._read())

    def record(self, stage: Stage, entry: Mapping[str, Any]) -> bool:
        """Write a stage's entry and say whether that changed anything."""
        content = self._read()
        if content.get("stages", {}).get(stage.name) == entry:
            return False
        content["stages"] = dict(sorted({**content.get("stages", {}), stage.name: dict(entry)}.items()))
        self._write(content)
        return True

    def forget(self, stage: Stage) -> None:
        """Remove a stage's entry."""
        content = self._read()
        if content.get("stages", {}).pop(stage.name, None) is not None:
            self._write(content)

    def _read(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            raise DeploymentError(
                f"{self.path} is missing. `git checkout {self.path}` brings it back."
            ) from None
        except ValueError as error:
            raise DeploymentError(
                f"{self.path} is not JSON ({error}). Undo what was changed in it."
            ) from error
        return content

    def _write(self, content: Mapping[str, Any]) -> None:
        self.path.write_text(json.dumps(content, indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a stage has around its functions.

    ``websocket_url`` is empty until Chalice has made the API. ``rest_url``, what ``/api`` stands below, is
    only for emulators, whose requests do not tell it as AWS's do.
    """

    outputs: Mapping[str, str]
    stream_arn: str
    shape: StageConfig
    websocket_url: str = ""
    rest_url: str = ""
    reserve_concurrency: bool = True


def stage_entry(stage: Stage, functions: Sequence[str], provisioned: Provisioned) -> dict[str, Any]:
    """Return the entry of a stage. Raises DeploymentError where a function has no role in the stack."""
    outputs, shape = provisioned.outputs, provisioned.shape
    environment = {
        "STAGE": stage.name,
        "SESSIONS_TABLE": outputs["SessionsTableName"],
        "CONNECTIONS_TABLE": outputs["ConnectionsTableName"],
        "SESSIONS_STREAM_ARN": provisioned.stream_arn,
        "DELIVERY_QUEUE_URL": outputs["DeliveryQueueUrl"],
        "DELIVERY_QUEUE_ARN": outputs["DeliveryQueueArn"],
        "STREAM_FAILURE_QUEUE_URL": outputs["StreamFailureQueueUrl"],
        "JWT_SECRET_PARAMETER": stage.secret_parameter,
    }
    if shape.push_endpoint:
        environment["PUSH_ENDPOINT"] = shape.push_endpoint
    per_function: dict[str, dict[str, Any]] = {}
    for function in functions:
        role = outputs.get(role_output(function))
        if role is None:
            raise DeploymentError(
                f"The function {function} has no role: infra/deploy/stack.yaml needs a role that may do what "
                f"the function does, its log group, and an output {role_output(function)}, as others have."
            )
        per_function[function] = {"iam_role_arn": role}
        if function == "api_handler" and provisioned.websocket_url:
            # Only REST tells them, so that no other function changes when they become known.
            told = {"WEBSOCKET_URL": provisioned.websocket_url, "REST_URL": provisioned.rest_url}
            per_function[function]["environment_variables"] = {name: url for name, url in told.items() if url}
        if function in CONCURRENCY:
            rate = str(posts_per_second(shape.account_rate))
            per_function[function]["environment_variables"] = {"POSTS_PER_SECOND": rate}
            if provisioned.reserve_concurrency:  # a young account has none to give
                per_function[function]["reserved_concurrency"] = CONCURRENCY[function]
    return {
        "api_gateway_stage": stage.name,
        "lambda_architecture": shape.architecture,
        "environment_variables": environment,
        "lambda_functions": per_function,
    }

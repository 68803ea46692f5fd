"""Finds the tables and queues of a stage, for those who operate it.

On AWS they have the names that ``stack.yaml`` gives them. The local gateway writes its addresses into a file,
since its ports change each time.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chalicelib.bootstrap import Application
from chalicelib.settings import Settings
from infra import ROOT
from infra.deploy.aws import Aws
from infra.deploy.chalice.config import ChaliceConfig
from infra.deploy.operate.epochs import DynamoEpochs
from infra.deploy.operate.followers import Redelivery, disconnect_all
from infra.deploy.output import DeploymentError
from infra.deploy.provision import check_place
from infra.deploy.stage import Stage
from infra.local.deployment import STAGE as LOCAL
from infra.local.engine.endpoints import Endpoints, engine_client, point_the_sdks_at
from infra.local.engine.queues import EngineQueue
from infra.local.state import StateDir, StateInUse
from infra.local.triggers.stream_reader import TableStream
from infra.template import queues, tables


class OperatorApplication(Application):
    """The deployed application, and what only operators do with it."""

    @cached_property
    def redelivery(self) -> Redelivery:
        """How to deliver again what was given up."""
        shards = self.settings.audience_shards
        return Redelivery(self._audiences, self._failures, self._sessions, self._sessions.log, shards)

    @cached_property
    def epochs(self) -> DynamoEpochs:
        """What changes after a restore."""
        return DynamoEpochs(self._sessions_table, self._sessions, time.time)

    @cached_property
    def stream(self) -> TableStream:
        """The stream of the sessions table."""
        at = self.settings.dynamodb_endpoint, self.settings.region
        return TableStream.of(self.settings.sessions_table, self._http, *at, self._credentials)

    async def disconnect_all(self) -> tuple[int, int]:
        """Close all connections, so that clients connect again: see ``followers``. Raises Unavailable."""
        shards = self.settings.audience_shards
        return await disconnect_all(self._audiences, self._connections, self.push, shards)


@dataclass(frozen=True, slots=True)
class OperatedStage:
    """A stage that is deployed, or served. ``client`` returns the SDK's client of a service."""

    name: str
    settings: Settings
    client: Callable[[str], Any]

    @contextmanager
    def application(self) -> Iterator[tuple[OperatorApplication, Callable[..., Any]]]:
        """Open the application with your own rights; the second value runs its coroutines."""
        application = OperatorApplication(self.settings)
        with asyncio.Runner() as runner:
            try:
                yield application, runner.run
            finally:
                runner.run(application.close())

    def queue(self, logical_name: str) -> EngineQueue:
        """Return one of the stack's queues."""
        return _queue(self.client("sqs"), self.name, logical_name)


def operated_stage(name: str, state: StateDir) -> OperatedStage:
    """Find a stage. Raises DeploymentError, and what botocore raises."""
    return _local(state) if name == LOCAL else deployed_stage(Aws.connect(), Stage(name))


def deployed_stage(aws: Aws, stage: Stage) -> OperatedStage:
    """Find a stage on AWS. Raises DeploymentError, and what botocore raises."""
    config = ChaliceConfig(ROOT)
    check_place(aws, stage, config)
    named = {
        "SESSIONS_TABLE": tables(stage.name)["SessionsTable"].name,
        "CONNECTIONS_TABLE": tables(stage.name)["ConnectionsTable"].name,
        "DELIVERY_QUEUE_URL": _queue(aws.client("sqs"), stage.name, "DeliveryQueue").url,
        "STREAM_FAILURE_QUEUE_URL": _queue(aws.client("sqs"), stage.name, "StreamFailureQueue").url,
    }
    # Such as into how many shards the stage's functions divide an audience.
    told = config.of_function(stage).environment_variables
    settings = Settings.from_env({**os.environ, **told, **named, "AWS_REGION": aws.region})
    return OperatedStage(stage.name, settings, aws.client)


def _local(state: StateDir) -> OperatedStage:
    if not _is_served(state):
        raise DeploymentError(
            f"No gateway is running on the state folder {state.path}. Start one with `make run`, or name "
            "the running gateway's folder with --state-dir."
        )
    noted: dict[str, str] = json.loads(state.served.read_text())
    point_the_sdks_at(noted)
    endpoints = Endpoints(noted["AWS_ENDPOINT_URL_DYNAMODB"], noted["AWS_ENDPOINT_URL"])
    return OperatedStage(LOCAL, Settings.from_env(noted), lambda service: engine_client(service, endpoints))


def _is_served(state: StateDir) -> bool:
    if not state.served.exists():
        return False
    try:
        state.lock("gateway").close()
    except StateInUse:
        return True
    return False  # it ended without a chance to tidy up


def _queue(sqs: Any, stage: str, logical_name: str) -> EngineQueue:
    name = queues(stage)[logical_name].name
    try:
        return EngineQueue.named(sqs, name)
    except sqs.exceptions.QueueDoesNotExist as error:
        raise DeploymentError(
            f"The stage {stage} is not deployed in this account and Region: there is no queue {name}. "
            f"`gamenight stage status --stage {stage}` shows it."
        ) from error

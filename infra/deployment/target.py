"""What every part of a deployment is told: which stage, where, shaped how, and whom to tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.budget import ACCOUNT_RATE
from infra.deployment.aws import Aws
from infra.deployment.chalice_config import ChaliceConfig
from infra.deployment.clock import Clock
from infra.deployment.progress import Progress
from infra.deployment.record import Record
from infra.deployment.stack import Stack
from infra.deployment.stage import Addresses, Stage


@dataclass(frozen=True, slots=True)
class Shape:
    """What a person chooses for a stage.

    ``account_rate`` is in requests a second, see ``infra.budget``. ``push_endpoint`` is only for emulators,
    see ``Addresses``.
    """

    architecture: str = "arm64"
    log_retention_days: int = 30
    alarm_topic_arn: str = ""
    account_rate: int = ACCOUNT_RATE
    push_endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A stage to work on. ``functions`` are those that app.py declares, each with its handler."""

    aws: Aws
    stage: Stage
    project: Path
    shape: Shape
    functions: Mapping[str, str]
    progress: Progress
    clock: Clock = field(default_factory=Clock)

    @property
    def stack(self) -> Stack:
        """What is around the functions."""
        return Stack(self.aws.client("cloudformation"), self.stage.stack, self.progress, self.clock)

    @property
    def config(self) -> ChaliceConfig:
        """Chalice's configuration."""
        return ChaliceConfig(self.project / ".chalice" / "config.json")

    @property
    def record(self) -> Record:
        """Chalice's record of what it deployed."""
        return Record(self.project, self.stage)

    @property
    def addresses(self) -> Addresses:
        """Where the stage's APIs are reached."""
        if self.shape.push_endpoint:
            return Addresses(self.stage.name, self.aws.region, self.shape.push_endpoint)
        return Addresses(self.stage.name, self.aws.region)

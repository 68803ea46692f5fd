"""What every part of a deployment is told: which stage, where, shaped how, and whom to tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.deploy.aws import Aws, Clock
from infra.deploy.chalice.config import ChaliceConfig
from infra.deploy.chalice.state import ChaliceState
from infra.deploy.progress import Progress
from infra.deploy.stack import Stack
from infra.deploy.stage import Addresses, Stage, StageConfig


@dataclass(frozen=True, slots=True)
class Target:
    """A stage to work on. ``functions`` are those that app.py declares, each with its handler."""

    aws: Aws
    stage: Stage
    project: Path
    shape: StageConfig
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
    def record(self) -> ChaliceState:
        """Chalice's record of what it deployed."""
        return ChaliceState(self.project, self.stage)

    @property
    def addresses(self) -> Addresses:
        """Where the stage's APIs are reached."""
        if self.shape.push_endpoint:
            return Addresses(self.stage.name, self.aws.region, self.shape.push_endpoint)
        return Addresses(self.stage.name, self.aws.region)

"""What a person chooses for a stage, and how a choice is kept.

The stack's parameters are where a stage's shape is kept, so that whoever deploys next, from whatever machine,
changes only what was asked for. Leaves reading and writing them to ``stack``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.deploy.budget import ACCOUNT_RATE

PARAMETERS = {
    "architecture": "Architecture",
    "log_retention_days": "LogRetentionDays",
    "alarm_topic_arn": "AlarmTopicArn",
    "account_rate": "AccountRate",
}
"""The stack's parameter of each choice."""


@dataclass(frozen=True, slots=True)
class StageConfig:
    """A stage's shape; the defaults are a new stage's.

    ``account_rate`` is in requests a second, see ``budget``. ``push_endpoint`` is only for emulators, see
    ``Addresses``; it is the one thing that is not kept.
    """

    architecture: str = "arm64"
    log_retention_days: int = 30
    alarm_topic_arn: str = ""
    account_rate: int = ACCOUNT_RATE
    push_endpoint: str | None = None

    @classmethod
    def of(cls, kept: Mapping[str, str], **asked: Any) -> "StageConfig":
        """Return the shape of a stage whose stack has these parameters, once what is asked for is done.

        None is not asked for.
        """
        new = cls()
        had = {
            name: type(getattr(new, name))(kept[parameter])
            for name, parameter in PARAMETERS.items()
            if parameter in kept
        }
        return cls(**{**had, **{name: value for name, value in asked.items() if value is not None}})

    @property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters that keep it."""
        return {parameter: str(getattr(self, name)) for name, parameter in PARAMETERS.items()}

    def kept(self, parameters: Mapping[str, str]) -> list[str]:
        """Return the options that a stage has been told and need not be told again."""
        new = StageConfig().parameters
        return [
            f"--{name.replace('_', '-')} {parameters[parameter]}"
            for name, parameter in PARAMETERS.items()
            if parameters.get(parameter) == self.parameters[parameter] != new[parameter]
        ]

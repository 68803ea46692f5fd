"""A stage: what all that belongs to it is called, where it is reached, and what a person chooses for it.

The names are those that ``stack.yaml``, Chalice and ``chalicelib`` use; nothing here asks AWS.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from chalicelib.settings import MANAGEMENT_ENDPOINT
from infra.budget import ACCOUNT_RATE
from infra.deploy.errors import DeploymentError

APP_NAME = "game-night-live"
STAGE_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
"""Without dashes, so that no stage's name begins with another's and a dash."""
RESERVED = frozenset({"local"})
"""The local gateway's own stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage's names. Raises DeploymentError where the name can't be a stage's."""

    name: str

    def __post_init__(self) -> None:
        """Check the name."""
        if not STAGE_NAME.fullmatch(self.name) or self.name in RESERVED:
            raise DeploymentError(
                f"{self.name!r} can't be the name of a stage: 1 to 16 lower-case letters and digits, a "
                "letter first, and not `local`, which is `make run`'s. For example: --stage dev."
            )

    @property
    def stack(self) -> str:
        """The CloudFormation stack, and the beginning of everything else's name."""
        return f"{APP_NAME}-{self.name}"

    @property
    def secret_parameter(self) -> str:
        """The SSM parameter that tokens are signed with; the stack's roles name it too."""
        return f"/{APP_NAME}/{self.name}/jwt-secret"

    @property
    def websocket_api(self) -> str:
        """The WebSocket API, as Chalice calls it."""
        return f"{self.stack}-websocket-api"

    def function(self, name: str) -> str:
        """Return a Lambda function's full name; Chalice gives the REST one no ending."""
        return self.stack if name == "api_handler" else f"{self.stack}-{name}"

    def log_group(self, name: str) -> str:
        """Return a function's log group."""
        return f"/aws/lambda/{self.function(name)}"


def role_output(function: str) -> str:
    """Return the stack's output with a function's role: for ``websocket_connect`` WebsocketConnectRoleArn."""
    return "".join(word.capitalize() for word in function.split("_")) + "RoleArn"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a stage's APIs are reached.

    ``template`` is the one setting that an emulator needs (PUSH_ENDPOINT): where API Gateway serves a stage
    of an API. On AWS it is API Gateway's own address.
    """

    stage: str
    region: str
    template: str = MANAGEMENT_ENDPOINT

    def rest(self, api_id: str) -> str:
        """Return the URL that ends in ``/api``."""
        return f"{self.base(api_id)}/api"

    def websocket(self, api_id: str) -> str:
        """Return the URL that clients connect to."""
        return re.sub("^http", "ws", self.base(api_id))

    def base(self, api_id: str) -> str:
        """Return the URL of an API's stage."""
        return self.template.format(api_id=api_id, region=self.region, stage=self.stage)


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

    The stack's parameters keep it, so that whoever deploys next, from whatever machine, changes only what was
    asked for. ``account_rate`` is in requests a second, see ``budget``. ``push_endpoint`` is only for
    emulators, see ``Addresses``; it is the one thing that is not kept.
    """

    architecture: str = "arm64"
    log_retention_days: int = 30
    alarm_topic_arn: str = ""
    account_rate: int = ACCOUNT_RATE
    push_endpoint: str | None = None

    @classmethod
    def of(cls, kept: Mapping[str, str], **asked: Any) -> Self:
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

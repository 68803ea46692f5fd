"""Names a stage and all that belongs to it, its URLs, and the options that a person chooses for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from chalicelib.settings import MANAGEMENT_ENDPOINT
from infra.budget import ACCOUNT_RATE
from infra.deploy.output import DeploymentError

APP_NAME = "game-night-live"

STAGE_NAME = re.compile(r"(?!local$)[a-z][a-z0-9]{0,15}")
"""Without dashes, so that no name begins with another stage's name and a dash. `local` is the gateway's."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage's names. Raises DeploymentError where the name can't be a stage's."""

    name: str

    def __post_init__(self) -> None:
        """Check the name."""
        if not STAGE_NAME.fullmatch(self.name):
            raise DeploymentError(
                f"{self.name!r} can't be the name of a stage. Take 1 to 16 lower-case letters and digits, "
                "a letter first, such as --stage dev. `local` is the gateway's name."
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

    @property
    def bus(self) -> str:
        """The EventBridge bus that gets every event of the log."""
        return self.stack

    @property
    def notifications(self) -> str:
        """What the rules and topics that tell people of events begin with."""
        return f"{self.stack}-notify-"

    def url(self, api_id: str, region: str = "", template: str | None = None) -> str:
        """Return where API Gateway serves an API's stage; ``template`` is an emulator's PUSH_ENDPOINT."""
        return (template or MANAGEMENT_ENDPOINT).format(api_id=api_id, region=region, stage=self.name)

    def function(self, name: str) -> str:
        """Return a Lambda function's full name. Chalice adds no ending to the REST function's."""
        return self.stack if name == "api_handler" else f"{self.stack}-{name}"

    def owns(self, function: str) -> bool:
        """Say whether a function's full name is one of this stage's."""
        return function == self.stack or function.startswith(f"{self.stack}-")

    def short_name(self, function: str) -> str:
        """Return a function's name in app.py from its full name or ARN; the reverse of ``function``."""
        return function.rpartition(":")[2].removeprefix(self.stack).removeprefix("-") or "api_handler"

    def log_group(self, name: str) -> str:
        """Return a function's log group."""
        return f"/aws/lambda/{self.function(name)}"


def role_output(function: str) -> str:
    """Return the stack's output with a function's role: for ``websocket_connect`` WebsocketConnectRoleArn."""
    return "".join(word.capitalize() for word in function.split("_")) + "RoleArn"


ARCHITECTURES = ("arm64", "x86_64")
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""What CloudWatch Logs offers; the stack names them too."""

TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):\d{12}:[\w-]{1,256}(\.fifo)?")

PARAMETERS = {
    "architecture": "Architecture",
    "log_retention_days": "LogRetentionDays",
    "alarm_topic_arn": "AlarmTopicArn",
    "account_rate": "AccountRate",
    "events": "Events",
}
"""The stack's parameter of each choice."""


@dataclass(frozen=True, slots=True)
class StageConfig:
    """A stage's options. The defaults are a new stage's; the account's rate depends on the Region.

    The stack's parameters keep them, so the next deployment, from any machine, changes only what it is told
    to. ``account_rate`` is in requests a second, see ``budget``. ``events`` says whether the stage has an
    event bus. ``push_endpoint`` (PUSH_ENDPOINT) is where an emulator serves APIs, and is not kept.
    ``inherited`` names those that the stack kept and nobody asked for.
    """

    architecture: str = "arm64"
    log_retention_days: int = 30
    alarm_topic_arn: str = ""
    account_rate: int = ACCOUNT_RATE
    events: bool = False
    push_endpoint: str | None = None
    inherited: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def of(cls, kept: Mapping[str, str], **asked: Any) -> Self:
        """Return the options that a stack's parameters keep, with the given changes."""
        new = cls()
        had = {name: _value(getattr(new, name), kept[key]) for name, key in PARAMETERS.items() if key in kept}
        wanted = {name: value for name, value in asked.items() if value is not None}
        return cls(**{**had, **wanted}, inherited=frozenset(had.keys() - wanted.keys()))

    @property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters that keep it."""
        values = {key: getattr(self, name) for name, key in PARAMETERS.items()}
        return {key: str(one).lower() if isinstance(one, bool) else str(one) for key, one in values.items()}

    def kept(self) -> list[str]:
        """Return the options that the stage has kept and that are not a new stage's."""
        new = StageConfig().parameters
        return [
            f"--{name.replace('_', '-')} {value}".removesuffix(" true")
            for name, key in PARAMETERS.items()
            if name in self.inherited and (value := self.parameters[key]) != new[key]
        ]


def _value(default: Any, text: str) -> Any:
    return text == "true" if isinstance(default, bool) else type(default)(text)

"""A stage on moto, as far as moto goes: it makes the stack's tables, queues, roles and logs."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.deploy.aws import Aws
from infra.deploy.chalice.command import Function
from infra.deploy.stage import Stage, StageConfig
from infra.deploy.target import Target
from infra.template import sent
from tests.fakes.progress import SilentProgress, said

ROOT = Path(__file__).parents[3]
REGION = "us-east-1"
ACCOUNT = "123456789012"


class MotoAws(Aws):
    """What moto does not know is answered here."""

    def __init__(self, concurrency: int = 1000) -> None:
        super().__init__(boto3.Session(region_name=REGION), ACCOUNT, REGION)
        limits = {"ConcurrentExecutions": concurrency, "UnreservedConcurrentExecutions": concurrency}
        self.client("lambda").get_account_settings = lambda: {"AccountLimit": limits}
        live, self.routes = self.client("apigatewayv2"), dict[str, Any]()
        get_stage = live.get_stage
        live.get_stage = lambda **stage: {**get_stage(**stage), "DefaultRouteSettings": self.routes}
        live.update_stage = lambda **wanted: self.routes.update(wanted["DefaultRouteSettings"])
        self.change_set: dict[str, Any] = {}
        stacks = self.client("cloudformation")
        # moto's own change sets make no outputs.
        stacks.create_change_set = self.create_change_set
        stacks.describe_change_set = lambda **_: {"Status": "CREATE_COMPLETE"}
        stacks.execute_change_set = self.execute_change_set

    def create_change_set(self, **how: Any) -> Any:
        self.change_set = how
        return {"Id": how["ChangeSetName"]}

    def execute_change_set(self, **_: Any) -> None:
        taken = ("StackName", "TemplateBody", "Parameters", "Capabilities", "Tags")
        stacks = self.client("cloudformation")
        make = stacks.create_stack if self.change_set["ChangeSetType"] == "CREATE" else stacks.update_stack
        make(**{name: self.change_set[name] for name in taken})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[MotoAws]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield MotoAws()


@pytest.fixture
def target(aws: MotoAws, tmp_path: Path) -> Target:
    for name in (".chalice/config.json", "infra/deploy/stack.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / name, tmp_path / name)
    functions = {
        "api_handler": Function("app.app", ["GET /api"]),
        "broadcast": Function("app.broadcast", ["stream"]),
        "deliver": Function("app.deliver", ["queue"]),
        "sweep": Function("app.sweep", ["rate(1 minute)"]),
    }
    return Target(aws, Stage("dev"), tmp_path, StageConfig(), functions, SilentProgress())


@pytest.fixture
def stack(target: Target) -> Target:
    target.stack.apply(sent("dev"), {"Stage": target.stage.name})
    said(target.progress).clear()
    return target


def made_functions(target: Target, role: str) -> dict[str, str]:
    """Make the declared functions, which are not run; return the ARNs, by name."""
    client: Any = target.aws.client("lambda")
    return {
        name: client.create_function(
            FunctionName=target.stage.function(name),
            Runtime="python3.11",
            Role=role,
            Handler=function.handler,
            Code={"ZipFile": b"not run"},
        )["FunctionArn"]
        for name, function in target.functions.items()
    }


@pytest.fixture
def functions(stack: Target) -> dict[str, str]:
    """Functions as Chalice leaves them; the value is the ARNs, by name."""
    return made_functions(stack, stack.aws.client("iam").list_roles()["Roles"][0]["Arn"])

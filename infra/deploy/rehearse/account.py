"""Serves an emulated AWS account for the length of a rehearsal, and lists what is in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from click import ClickException

from infra.ministack import MiniStackError, ministack
from infra.template import DEPLOYER_POLICY, EVENTS_POLICY

EMULATOR = Path(__file__).with_name("emulator.py")
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""MiniStack's root key: the rehearsal itself may do everything."""

LISTINGS = (
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("events", "list_rules", "Rules", "Name"),
    ("events", "list_event_buses", "EventBuses", "Name"),
    ("pipes", "list_pipes", "Pipes", "Name"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("apigateway", "get_rest_apis", "items", "id"),
    ("apigatewayv2", "get_apis", "Items", "ApiId"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("sqs", "list_queues", "QueueUrls", None),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
)
"""What lists each kind of resource, where they are in its answer, and what names one."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account at ``url``; ``folder`` is what the emulator writes to, see ``emulator``."""

    url: str
    folder: Path

    def environment(self) -> dict[str, str]:
        """Return the variables that make AWS's SDKs, and our commands, use this account only."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PUSH_ENDPOINT": f"{self.url}/_aws/execute-api/{{api_id}}/{{stage}}",
        }

    def enter(self) -> None:
        """Make this process, and all that it starts, use this account only."""
        for name in [one for one in os.environ if one.startswith(("AWS_", "GAMENIGHT_"))]:
            del os.environ[name]
        os.environ.update(self.environment(), **KEYS, PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1")

    def deny_once(self, action: str) -> None:
        """Make the next call of an action fail."""
        (self.folder / "deny-once").write_text(action)

    def hurry(self) -> None:
        """Make event source mappings ready after 10 s. On AWS it is 30 s; this saves three minutes in all."""
        (self.folder / "mapping-seconds").write_text("10")

    def calls(self) -> str:
        """Return the calls to the account so far: the emulator's ``calls.jsonl``."""
        return (self.folder / "calls.jsonl").read_text()

    def wrong_calls(self) -> list[str]:
        """Return what was wrong with calls by botocore's models, without repetition."""
        noted = self.folder / "wrong-calls"
        return sorted({*noted.read_text().splitlines()}) if noted.exists() else []

    def log(self) -> str:
        """Return the emulator's own log, the functions' output included."""
        return (self.folder / "emulator.log").read_text(errors="replace")

    def inventory(self) -> list[str]:
        """Return everything that is in the account, whoever made it."""
        found = []
        for service, operation, key, name in LISTINGS:
            answer = getattr(boto3.client(service), operation)()
            found += [
                f"{service}: {one[name] if name else one}"
                for one in answer.get(key, ())
                # Mappings take a while, and every account has a bus.
                if not name or (one.get("State") != "Deleting" and one[name] != "default")
            ]
        return found


def new_deployer() -> dict[str, str]:
    """Make the user who deploys, with the documented policies only; return a command's environment."""
    iam, user = boto3.client("iam"), {"UserName": "deployer"}
    iam.create_user(**user)
    for path in (DEPLOYER_POLICY, EVENTS_POLICY):
        policy = iam.create_policy(PolicyName=path.stem, PolicyDocument=path.read_text())["Policy"]["Arn"]
        iam.attach_user_policy(**user, PolicyArn=policy)
    key = iam.create_access_key(**user)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@contextmanager
def rehearsal_account(folder: Path) -> Iterator[Account]:
    """Serve an empty account from a folder, at a free port of 127.0.0.1; it ends with the block."""
    folder.mkdir(parents=True)
    settings = {
        **KEYS,
        "AUTH": "true",
        "REHEARSAL_DIR": str(folder),
        "STATE_DIR": str(folder / "state"),
    }
    try:
        with ministack(EMULATOR, folder, folder / "emulator.log", settings) as url:
            yield Account(url, folder)
    except MiniStackError as error:
        raise ClickException(str(error)) from error

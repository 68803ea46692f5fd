"""An AWS account for the length of a rehearsal: the emulator, where it is, and what is in it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from click import ClickException

from infra.ministack import MiniStackError, ministack

EMULATOR = Path(__file__).with_name("emulator.py")
REGION = "us-east-1"
KEY = "test"
"""MiniStack's root key and its secret: who deploys may do all, the functions what their roles allow."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account at ``url``; ``folder`` is what the emulator writes to, see ``emulator``."""

    url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes the AWS SDKs, and the deployment, use this account and no other, and show it at once."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PUSH_ENDPOINT": f"{self.url}/_aws/execute-api/{{api_id}}/{{stage}}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def client(self, service: str) -> Any:
        """Return a client of a service."""
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def deny_once(self, action: str) -> None:
        """Make the next call of an action fail."""
        (self.folder / "deny-once").write_text(action)

    def calls(self) -> str:
        """Return what was asked of the account so far."""
        return (self.folder / "calls.jsonl").read_text()

    def log(self) -> str:
        """Return the emulator's own log, the functions' output included."""
        return (self.folder / "emulator.log").read_text(errors="replace")

    def inventory(self) -> list[str]:
        """Return everything that is in the account, whoever made it."""
        listings = (
            ("lambda", "list_functions", "Functions", "FunctionName"),
            ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
            ("events", "list_rules", "Rules", "Name"),
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
        )
        found = []
        for service, operation, key, name in listings:
            answer = getattr(self.client(service), operation)()
            found += [f"{service}: {one[name] if name else one}" for one in answer.get(key, ())]
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        return [*found, *(f"cloudformation: {one['StackName']} {one['StackStatus']}" for one in stacks)]


@contextmanager
def rehearsal_account(folder: Path) -> Iterator[Account]:
    """Serve an empty account from a folder, at a free port of 127.0.0.1; it ends with the block."""
    folder.mkdir(parents=True)
    settings = {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "REHEARSAL_DIR": str(folder),
        "STATE_DIR": str(folder / "state"),
    }
    with ExitStack() as stack:
        try:
            url = stack.enter_context(ministack(EMULATOR, folder, folder / "emulator.log", settings))
        except MiniStackError as error:
            raise ClickException(str(error)) from error
        yield Account(url, folder)

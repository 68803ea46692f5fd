"""Deploys the stage: with a failure, unchanged, and changed. Then destroys it."""

import re
from pathlib import Path
from typing import Any

import boto3

from infra.deploy.chalice.config import ChaliceConfig
from infra.deploy.chalice.state import ChaliceState
from infra.deploy.operate.restored import complete_table
from infra.deploy.rehearse.terminal import PROCESSOR, STAGE, Terminal, must
from infra.template import TableDefinition, tables

KEPT = ("--log-retention-days", "7", "--account-rate", "20000", "--events")
"""The options of the first deployment that differ from a new stage's."""


def fail_half_way_and_go_on(terminal: Terminal) -> None:
    """Deploy with one call denied, then again without options: those of the first run are kept."""
    terminal.progress.step("A deployment that fails half way, and the same command again")
    # By then Chalice has made two functions and the REST API, and has recorded nothing.
    terminal.account.deny_once("lambda:AddPermission")
    failed = terminal.gamenight("stage", "deploy", *PROCESSOR, *KEPT, expect=1)
    must("AccessDenied" in failed, f"the failure does not say what was denied:\n{failed}")
    done = terminal.gamenight("stage", "deploy")
    must("Deployed." in done, f"the second run did not deploy:\n{done}")
    must(f"{' '.join(KEPT)}\n" in done, f"{' '.join(KEPT)!r} was not kept:\n{done}")
    apis = boto3.client("apigateway").get_rest_apis()["items"]
    must(len(apis) == 1, f"there should be one REST API, and there are {len(apis)}")


def deploy_again_from_another_machine(terminal: Terminal) -> None:
    """Deploy the same again, without the files that the first deployment wrote here."""
    terminal.progress.step("The same again, with nothing changed, and without any record of it here")
    before = functions()
    ChaliceState(terminal.project, STAGE).path.unlink()
    ChaliceConfig(terminal.project).record(STAGE, None)
    done = terminal.gamenight("stage", "deploy")
    must("Nothing had changed." in done, f"something was changed:\n{done}")
    must(functions() == before, "functions were updated though nothing had changed")
    terminal.gamenight("stage", "status", "--check")


def change_everything_that_is_hard_to_change(terminal: Terminal) -> None:
    """Change what Chalice alone would not change."""
    terminal.progress.step("New code, a renamed handler, more memory, and a table that was replaced")
    project = terminal.project
    _edit(project / "app.py", r"^def broadcast\(", "def broadcast_renamed(")
    _edit(project / "chalicelib" / "__init__.py", '__version__ = "(.*)"', r'__version__ = "\1+changed"')
    _edit(project / ".chalice" / "config.json", '"lambda_memory_size": 512', '"lambda_memory_size": 640')
    replace_table(boto3.client("dynamodb"), tables(STAGE.name)["SessionsTable"])
    done = terminal.gamenight("stage", "deploy")
    for expected in ("broadcast_renamed", "+changed", "mapping is removed"):
        must(expected in done, f"{expected!r} is not in what the deployment said:\n{done}")
    memory = functions()[STAGE.function("websocket_connect")]["MemorySize"]
    must(memory == 640, f"the memory is {memory} MB")  # noqa: PLR2004 - as it was edited
    terminal.gamenight("stage", "status", "--check")


def destroy(terminal: Terminal) -> None:
    """Destroy the stage and its data, as from another machine, and see that nothing is left."""
    terminal.progress.step("Taking it down")
    refused = terminal.gamenight("stage", "destroy", "--yes", expect=1)
    must("--delete-data" in refused, f"tables with data were not protected:\n{refused}")
    ChaliceState(terminal.project, STAGE).path.unlink()
    terminal.gamenight("stage", "destroy", "--yes", "--delete-data")
    left = terminal.account.inventory()
    must(not left, "something is left:\n  " + "\n  ".join(left))
    terminal.progress.detail("nothing is left in the account")


def functions() -> dict[str, Any]:
    """Return the functions in the account, by name."""
    return {one["FunctionName"]: one for one in boto3.client("lambda").list_functions()["Functions"]}


def replace_table(dynamodb: Any, table: TableDefinition) -> None:
    """Delete a table and make it again: without items, and with another stream."""
    arn = dynamodb.describe_table(TableName=table.name)["Table"]["TableArn"]
    tags = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
    dynamodb.delete_table(TableName=table.name)
    dynamodb.create_table(**table.create, Tags=tags)
    list(complete_table(dynamodb, table))


def _edit(path: Path, pattern: str, replacement: str) -> None:
    path.write_text(re.sub(pattern, replacement, path.read_text(), flags=re.MULTILINE))

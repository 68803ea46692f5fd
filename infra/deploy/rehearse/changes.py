"""Changes of the rehearsed stage: one that fails, one of nothing, one of all that is hard, the end."""

import re
from typing import Any

from infra.deploy.chalice.config import ChaliceConfig
from infra.deploy.rehearse.terminal import PROCESSOR, STAGE, Terminal, must

SHAPE = (*PROCESSOR, "--log-retention-days", "7", "--account-rate", "20000")
"""The options of the first deployment: the processor, and what is not a new stage's anyway."""

Functions = dict[str, tuple[int, str, str]]
"""Of each function: its memory in MB, its role, when it was changed last."""


class Changes:
    """What is rehearsed of deploying."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def fail_half_way_and_go_on(self) -> None:
        """Deploy with a right that is missing, and then with all; what was chosen need not be said again."""
        self._terminal.progress.step("A deployment that fails half way, and the same command again")
        # By then Chalice has made two functions and the REST API, and has recorded nothing.
        self._terminal.account.deny_once("lambda:AddPermission")
        failed = self._terminal.gamenight("stage", "deploy", *SHAPE, expect=1)
        must("AccessDenied" in failed, f"the failure does not say what was denied:\n{failed}")
        done = self._deploy()
        must("Deployed." in done, f"the second run did not deploy:\n{done}")
        kept = " ".join(SHAPE[2:])
        must(f"{kept}\n" in done, f"{kept!r} was not kept:\n{done}")
        apis = self._terminal.account.client("apigateway").get_rest_apis()["items"]
        must(len(apis) == 1, f"there should be one REST API, and there are {len(apis)}")

    def deploy_again_from_another_machine(self) -> None:
        """Deploy what is there already, without what was written down here."""
        self._terminal.progress.step(
            "The same again, with nothing changed, and without any record of it here"
        )
        before = self.functions()
        self._forget_what_chalice_recorded()
        ChaliceConfig(self._terminal.project / ".chalice" / "config.json").forget(STAGE)
        done = self._deploy()
        must("Nothing had changed." in done, f"something was changed:\n{done}")
        must(self.functions() == before, "functions were updated though nothing had changed")
        self._terminal.gamenight("stage", "status", "--check")

    def change_everything_that_is_hard_to_change(self) -> None:
        """Change what Chalice by itself would leave as it was."""
        self._terminal.progress.step(
            "New code, a renamed handler, more memory, and a table that was replaced"
        )
        code = self._terminal.project / "app.py"
        code.write_text(
            re.sub(r"^def broadcast\(", "def broadcast_renamed(", code.read_text(), flags=re.MULTILINE)
        )
        init = self._terminal.project / "chalicelib" / "__init__.py"
        init.write_text(re.sub(r'__version__ = "(.*)"', r'__version__ = "\1+changed"', init.read_text()))
        config = self._terminal.project / ".chalice" / "config.json"
        config.write_text(
            config.read_text().replace('"lambda_memory_size": 512', '"lambda_memory_size": 640')
        )
        replace_table(self._terminal.account.client("dynamodb"), f"{STAGE.stack}-sessions")
        done = self._deploy()
        for expected in ("broadcast_renamed", "+changed", "mapping is removed"):
            must(expected in done, f"{expected!r} is not in what the deployment said:\n{done}")
        must(self.functions()[STAGE.function("websocket_connect")][0] == 640, "the memory did not change")  # noqa: PLR2004
        self._terminal.gamenight("stage", "status", "--check")

    def destroy(self) -> None:
        """Take all of it down, the data too, from another machine, and look whether anything is left."""
        self._terminal.progress.step("Taking it down")
        refused = self._terminal.gamenight("stage", "destroy", "--yes", expect=1)
        must("--delete-data" in refused, f"tables with data were not protected:\n{refused}")
        self._forget_what_chalice_recorded()
        self._terminal.gamenight("stage", "destroy", "--yes", "--delete-data")
        left = self._terminal.account.inventory()
        must(not left, "something is left:\n  " + "\n  ".join(left))
        self._terminal.progress.detail("nothing is left in the account")

    def functions(self) -> Functions:
        """Return what there is of functions."""
        functions = self._terminal.account.client("lambda").list_functions()["Functions"]
        return {
            one["FunctionName"]: (one["MemorySize"], one["Role"], one["LastModified"]) for one in functions
        }

    def _deploy(self) -> str:
        return self._terminal.gamenight("stage", "deploy")

    def _forget_what_chalice_recorded(self) -> None:
        (self._terminal.project / ".chalice" / "deployed" / f"{STAGE.name}.json").unlink()


def replace_table(dynamodb: Any, name: str) -> None:
    """Make a table anew, as it was: the same but for what was in it, and for the ARN of its stream."""
    old = dynamodb.describe_table(TableName=name)["Table"]
    tags = dynamodb.list_tags_of_resource(ResourceArn=old["TableArn"])["Tags"]
    dynamodb.delete_table(TableName=name)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=old["KeySchema"],
        AttributeDefinitions=old["AttributeDefinitions"],
        StreamSpecification=old["StreamSpecification"],
        Tags=tags,
    )
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True}
    )
    dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )

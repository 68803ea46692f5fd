"""Takes a restored sessions table into use: missing settings, new epochs, and new connections.

Restoring itself is AWS's, see docs/operations.md.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.errors import GameNightError
from infra.deploy.operate.epochs import Renewed
from infra.deploy.operate.stage import OperatedStage
from infra.deploy.output import DeploymentError, Progress
from infra.local.deployment import STAGE as LOCAL
from infra.local.engine.tables import expires
from infra.template import TableDefinition, tables

EVERY = 1000
"""Sessions between two lines of progress."""

TEN_MINUTES = {"Delay": 2, "MaxAttempts": 300}


def take_into_use(stage: OperatedStage, progress: Progress) -> None:
    """Complete a restored table, renew its epochs, and close all connections. Raises DeploymentError."""
    sessions = tables(stage.name)["SessionsTable"]
    progress.step(f"Table {sessions.name}")
    lines = [*complete_table(stage.client("dynamodb"), sessions, backups=stage.name != LOCAL)]
    progress.detail(*(lines or ["has what it needs"]))
    try:
        with stage.application() as (application, run):
            progress.step("Epochs")
            _show(application.epochs.renew(), progress)
            progress.step("Connections")
            closed, failed = run(application.disconnect_all())
    except GameNightError as error:
        raise DeploymentError(f"{error.detail} Run the same command again; it does no harm.") from error
    progress.detail(f"{closed} closed: their clients reconnect and learn what they can't resume")
    if failed:
        raise DeploymentError(
            f"{failed} connections could not be closed, and their clients may not notice what they "
            "have missed. Run the same command again; it does no harm."
        )


def complete_table(dynamodb: Any, table: TableDefinition, *, backups: bool = True) -> Iterator[str]:
    """Turn on what a restore leaves off; yield a line for each thing.

    CloudFormation does not notice that it is off. ``backups`` is False where the engine has none.
    """

    def at_rest() -> Any:
        # A table can't be changed twice at once.
        dynamodb.get_waiter("table_exists").wait(TableName=table.name, WaiterConfig=TEN_MINUTES)
        return dynamodb.describe_table(TableName=table.name)["Table"]

    stream = table.create.get("StreamSpecification")
    if stream and not at_rest().get("StreamSpecification", {}).get("StreamEnabled"):
        dynamodb.update_table(TableName=table.name, StreamSpecification=dict(stream))
        at_rest()
        yield "its stream is on"
    if table.ttl_attribute and not expires(dynamodb, table.name):
        expiry = {"AttributeName": table.ttl_attribute, "Enabled": True}
        dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=expiry)
        yield "its items expire"
    if backups:
        found = dynamodb.describe_continuous_backups(TableName=table.name)["ContinuousBackupsDescription"]
        if found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
            dynamodb.update_continuous_backups(
                TableName=table.name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
            yield "its point-in-time recovery is on"


def _show(renewed: Iterable[Renewed], progress: Progress) -> None:
    count = 0
    for count, one in enumerate(renewed, 1):
        progress.detail(*(f"removed, half of a transaction: {key}" for key in one.removed))
        if one.lost:
            progress.warning("only half of the newest start was restored; its number will be used again")
        if count % EVERY == 0:
            progress.detail(f"{count:,} streams")
    anew = "stream starts anew; its" if count == 1 else "streams start anew; their"
    progress.detail(f"{count:,} {anew} old cursors no longer work")

"""What DynamoDB leaves out when it restores a table: its stream, its expiry, its own backups.

See "Restore a table in DynamoDB" of its guide. CloudFormation does not notice: the table has the same name.
"""

from collections.abc import Iterator
from typing import Any

from infra.deploy.aws import Clock
from infra.local.engine.tables import expires
from infra.template import TableDefinition

WITHIN = 10 * 60.0


def settle_table(
    dynamodb: Any, table: TableDefinition, clock: Clock, *, backups: bool = True, every: float = 2.0
) -> Iterator[str]:
    """Give a table what ``stack.yaml`` says, and yield a line for each thing that was missing.

    ``backups``: whether the engine knows point-in-time recovery. A table can't be changed twice at once, so
    each change is waited for.
    """

    def at_rest() -> dict[str, Any] | None:
        found: dict[str, Any] = dynamodb.describe_table(TableName=table.name)["Table"]
        return found if found["TableStatus"] == "ACTIVE" else None

    found = clock.wait(f"the table {table.name}", at_rest, within=WITHIN, every=every)
    wanted = table.create.get("StreamSpecification")
    if wanted and not found.get("StreamSpecification", {}).get("StreamEnabled"):
        dynamodb.update_table(TableName=table.name, StreamSpecification=dict(wanted))
        clock.wait(f"the stream of {table.name}", at_rest, within=WITHIN, every=every)
        yield "its stream is on"
    if table.ttl_attribute and not expires(dynamodb, table.name):
        expiry = {"AttributeName": table.ttl_attribute, "Enabled": True}
        dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=expiry)
        yield "its items expire"
    if backups and not _is_backed_up(dynamodb, table.name):
        dynamodb.update_continuous_backups(
            TableName=table.name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        yield "its point-in-time recovery is on"


def _is_backed_up(dynamodb: Any, table: str) -> bool:
    found = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery: str = found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return recovery == "ENABLED"

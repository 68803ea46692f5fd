"""Creates the tables of ``stack.yaml`` on an engine."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from infra.template import TableDefinition


def ensure_tables(dynamodb: Any, tables: Iterable[TableDefinition]) -> None:
    """Create each missing table with its stream and its TTL, and wait until it is active."""
    for table in tables:
        with suppress(dynamodb.exceptions.ResourceInUseException):  # it exists
            dynamodb.create_table(**table.create)
        dynamodb.get_waiter("table_exists").wait(
            TableName=table.name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
        if table.ttl_attribute and not expires(dynamodb, table.name):
            dynamodb.update_time_to_live(
                TableName=table.name,
                TimeToLiveSpecification={"AttributeName": table.ttl_attribute, "Enabled": True},
            )


def expires(dynamodb: Any, table: str) -> bool:
    """Return whether a table has a TTL."""
    description = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return description["TimeToLiveStatus"] in {"ENABLED", "ENABLING"}

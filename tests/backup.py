"""A table at a moment, and put back as it was: what a restore to a point in time does, on any engine."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Backup:
    """The items of a table. ``dynamodb`` is an SDK client."""

    dynamodb: Any
    table: str
    items: list[Any]

    @classmethod
    def of(cls, dynamodb: Any, table: str) -> "Backup":
        """Take a backup."""
        return cls(dynamodb, table, _items(dynamodb, table))

    def restore(self, *, but: Collection[Key] = (), with_: Collection[Key] = ()) -> None:
        """Put the table back, without some of the items, and with some of those that came later.

        So a restore leaves it that cuts a transaction in two.
        """
        later = {_key(item): item for item in _items(self.dynamodb, self.table)}
        for partition, sort_key in later:
            key = {"PK": {"S": partition}, "SK": {"S": sort_key}}
            self.dynamodb.delete_item(TableName=self.table, Key=key)
        kept = [item for item in self.items if _key(item) not in but]
        for item in [*kept, *(later[key] for key in with_)]:
            self.dynamodb.put_item(TableName=self.table, Item=item)


def _items(dynamodb: Any, table: str) -> list[Any]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def _key(item: Any) -> Key:
    return item["PK"]["S"], item["SK"]["S"]

"""A request to DynamoDB as the double reads it, and the items that writes have locked."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.faults.dynamodb_refusals import SINGLE_WRITES, TRANSACTION, WRITES


@dataclass(frozen=True)
class DynamoRequest:
    """``items`` are table and "PK SK" of each item, of a Query its partition."""

    operation: str
    arguments: dict[str, Any]

    @property
    def items(self) -> list[tuple[str, str]]:
        arguments = self.arguments
        if self.operation in TRANSACTION:
            actions = [action for one in arguments["TransactItems"] for action in one.values()]
            return [(action["TableName"], _key(action)) for action in actions]
        if "RequestItems" in arguments:
            tables = arguments["RequestItems"].items()
            return [(table, _text(key)) for table, asked in tables for key in asked["Keys"]]
        if "Key" in arguments or "Item" in arguments:
            return [(arguments["TableName"], _key(arguments))]
        values = arguments.get("ExpressionAttributeValues", {}).values()
        return [(arguments.get("TableName", ""), value["S"]) for value in values if "S" in value]

    def on(self, prefix: str) -> list[int]:
        """Return the positions of the items whose key begins so."""
        return [position for position, (_, key) in enumerate(self.items) if key.startswith(prefix)]

    @property
    def token(self) -> str:
        return str(self.arguments.get("ClientRequestToken", ""))

    def without(self, left: int) -> tuple["DynamoRequest", dict[str, Any]]:
        """Return a batch without the key at a position, and what AWS calls that: UnprocessedKeys."""
        position = 0
        done: dict[str, Any] = {}
        undone: dict[str, Any] = {}
        for table, asked in self.arguments["RequestItems"].items():
            for key in asked["Keys"]:
                part = undone if position == left else done
                part.setdefault(table, {**asked, "Keys": []})["Keys"].append(key)
                position += 1
        return replace(self, arguments={**self.arguments, "RequestItems": done}), undone


def _key(action: dict[str, Any]) -> str:
    return _text(action.get("Key") or action["Item"])


def _text(key: dict[str, Any]) -> str:
    return f"{key['PK']['S']} {key['SK']['S']}"


@dataclass
class Locks:
    """Items that writes in flight have. A transaction has its items to itself; single writes take turns."""

    in_transactions: Counter[tuple[str, str]] = field(default_factory=Counter)
    in_writes: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: set[str] = field(default_factory=set)

    def met_by(self, request: DynamoRequest) -> list[int]:
        """Return the positions of the items that another writer has, so that the request can't."""
        if request.operation not in WRITES:
            return []
        taken = (
            self.in_transactions
            if request.operation in SINGLE_WRITES
            else self.in_transactions + self.in_writes
        )
        return [position for position, item in enumerate(request.items) if taken[item]]

    @contextmanager
    def held(self, request: DynamoRequest) -> Iterator[None]:
        in_transaction = request.operation in TRANSACTION
        held = self.in_transactions if in_transaction else self.in_writes
        items = request.items if request.operation in WRITES else []
        held.update(items)
        self.tokens |= {request.token} if in_transaction else set()
        try:
            yield
        finally:
            held.subtract(items)
            self.tokens -= {request.token}

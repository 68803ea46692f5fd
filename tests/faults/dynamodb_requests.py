"""A request to DynamoDB as the double reads it, and the items that writes have locked."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.faults.dynamodb_refusals import SINGLE_WRITES, TRANSACTION, WRITES


@dataclass(frozen=True)
class DynamoRequest:
    """``keys`` are "PK SK" of each item, of a Query its partition."""

    operation: str
    arguments: dict[str, Any]

    @classmethod
    def read(cls, operation: str, body: bytes) -> "DynamoRequest":
        return cls(operation, json.loads(body))

    @property
    def keys(self) -> list[str]:
        arguments = self.arguments
        if self.operation in TRANSACTION:
            return [_key(action) for one in arguments["TransactItems"] for action in one.values()]
        if "RequestItems" in arguments:
            return [_text(key) for asked in arguments["RequestItems"].values() for key in asked["Keys"]]
        if "Key" in arguments or "Item" in arguments:
            return [_key(arguments)]
        return [
            str(value["S"])
            for value in arguments.get("ExpressionAttributeValues", {}).values()
            if "S" in value
        ]

    def on(self, prefix: str) -> list[int]:
        """Return the positions of the items whose key begins so."""
        return [position for position, key in enumerate(self.keys) if key.startswith(prefix)]

    @property
    def token(self) -> str | None:
        token: str | None = self.arguments.get("ClientRequestToken")
        return token

    def without(self, left: Sequence[int]) -> tuple["DynamoRequest", dict[str, Any]]:
        """Return a batch without the keys at some positions, and what AWS calls those: UnprocessedKeys."""
        position = 0
        done: dict[str, Any] = {}
        undone: dict[str, Any] = {}
        for table, asked in self.arguments["RequestItems"].items():
            for key in asked["Keys"]:
                part = undone if position in left else done
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

    in_transactions: set[tuple[str, str]] = field(default_factory=set)
    in_writes: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: set[str] = field(default_factory=set)

    def met_by(self, request: DynamoRequest) -> list[int]:
        """Return the positions of the items that another writer has, so that the request can't."""
        if request.operation not in WRITES:
            return []
        taken = self.in_transactions | (set() if request.operation in SINGLE_WRITES else {*+self.in_writes})
        return [position for position, item in enumerate(_items(request)) if item in taken]

    @contextmanager
    def held(self, request: DynamoRequest) -> Iterator[None]:
        items = _items(request) if request.operation in WRITES else []
        if request.operation in TRANSACTION:
            self.in_transactions.update(items)
            self.tokens.update({request.token} - {None})  # type: ignore[arg-type]
        else:
            self.in_writes.update(items)
        try:
            yield
        finally:
            if request.operation in TRANSACTION:
                self.in_transactions.difference_update(items)
                self.tokens.discard(request.token or "")
            else:
                self.in_writes.subtract(items)


def _items(request: DynamoRequest) -> list[tuple[str, str]]:
    arguments = request.arguments
    if request.operation in TRANSACTION:
        tables = [action["TableName"] for one in arguments["TransactItems"] for action in one.values()]
    else:
        tables = [arguments["TableName"]]
    return [*zip(tables, request.keys, strict=True)]

"""Measures what an access costs: its calls, and the capacity units that the engine reports.

MiniStack counts as DynamoDB does, except for BatchGetItem, for which it reports nothing. There each key
counts as one unit, as on AWS for items of up to 4 KB. DynamoDB Local does not count the units of a
transaction correctly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chalicelib.aws.json_api import DynamoApi

T = TypeVar("T")

READS = frozenset({"GetItem", "BatchGetItem", "Query"})
ASK = {"ReturnConsumedCapacity": "TOTAL"}


@dataclass(slots=True)
class Cost:
    """One access: its calls in order, and the read and write units of all of them."""

    access: str
    calls: list[str] = field(default_factory=list)
    read: float = 0.0
    write: float = 0.0


class Meter:
    """Counts the calls of botocore's ``client``, and those that ``api`` makes without botocore."""

    def __init__(self, client: Any, api: DynamoApi) -> None:
        self.costs: list[Cost] = []
        self._measured: Cost | None = None
        self._keys = 0
        client.meta.events.register("before-parameter-build.dynamodb.*", self._ask)
        client.meta.events.register(
            "after-call.dynamodb.*", lambda parsed, model, **_: self._count(model.name, parsed)
        )
        call = api.call

        async def counted(operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            answer = await call(operation, {**arguments, **ASK})
            self._count(operation, answer)
            return answer

        vars(api).update(call=counted)

    def measure(self, access: str, call: Callable[..., T], *arguments: Any) -> T:
        """Call a function and return its result. All calls that it makes count as one access."""
        self._measured = Cost(access)
        self.costs.append(self._measured)
        returned = call(*arguments)
        self._measured = None
        return returned

    def _count(self, operation: str, answer: Mapping[str, Any]) -> None:
        if self._measured is None:
            return
        self._measured.calls.append(operation)
        consumed = answer.get("ConsumedCapacity", [])
        tables = [consumed] if isinstance(consumed, dict) else consumed
        units = sum(float(table["CapacityUnits"]) for table in tables)
        if operation in READS:
            self._measured.read += self._keys if operation == "BatchGetItem" else units
        else:
            self._measured.write += units

    def _ask(self, params: dict[str, Any], **_: object) -> None:
        if self._measured is None:
            return
        params.update(ASK)
        self._keys = sum(len(table["Keys"]) for table in params.get("RequestItems", {}).values())

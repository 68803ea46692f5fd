"""What an access costs: its calls, and the units that the engine says they used.

MiniStack counts as DynamoDB does, but for BatchGetItem, of which it says nothing: there every key that is
asked for is one unit, as it is on AWS for items of up to 4 KB. DynamoDB Local is no measure: it counts some
units of a whole transaction as one. Leaves what is accessed to ``small``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.dynamodb.database import Database
from chalicelib.aws.json_api import DynamoApi

READS = frozenset({"GetItem", "BatchGetItem", "Query"})
ASK = {"ReturnConsumedCapacity": "TOTAL"}


@dataclass(slots=True)
class Cost:
    """One access: the calls that it made, in order, and the read and write units of all of them."""

    access: str
    calls: list[str] = field(default_factory=list)
    read: float = 0.0
    write: float = 0.0


class Meter:
    """Listens to a database's client, and is told what goes past it."""

    def __init__(self, database: Database) -> None:
        self.costs: list[Cost] = []
        self._measured: Cost | None = None
        self._keys = 0
        events = database.connection.client.meta.events
        events.register("before-parameter-build.dynamodb.*", self._ask)
        events.register("after-call.dynamodb.*", self._answered)

    @contextmanager
    def measure(self, access: str) -> Iterator[None]:
        """Put everything that is called within the block down to one access."""
        self._measured = Cost(access)
        yield
        self.costs.append(self._measured)
        self._measured = None

    def count(self, operation: str, answer: Mapping[str, Any]) -> None:
        """Count a call by what it was answered."""
        if self._measured is None:
            return
        self._measured.calls.append(operation)
        consumed = answer.get("ConsumedCapacity", [])
        tables = [consumed] if isinstance(consumed, dict) else consumed
        units = sum(float(table["CapacityUnits"]) for table in tables)
        if operation == "BatchGetItem":
            self._measured.read += self._keys
        elif operation in READS:
            self._measured.read += units
        else:
            self._measured.write += units

    def _ask(self, params: dict[str, Any], **_: object) -> None:
        params.update(ASK)
        self._keys = sum(len(table["Keys"]) for table in params.get("RequestItems", {}).values())

    def _answered(self, parsed: dict[str, Any], model: Any, **_: object) -> None:
        self.count(model.name, parsed)


class MeteredApi(DynamoApi):
    """The way past botocore, with a meter on it."""

    def __init__(self, meter: Meter, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._meter = meter

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """See DynamoApi."""
        answer = await super().call(operation, {**arguments, **ASK})
        self._meter.count(operation, answer)
        return answer

"""Both tables on a DynamoDB, where a step is a request, so that a port can be left in its middle."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.connections.progress import DynamoProgressStore
from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.keys import PENDING
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.aws.http import HttpClient
from chalicelib.aws.json_api import DynamoApi
from chalicelib.settings import Keys
from infra.deploy.operate.epochs import DynamoEpochs
from tests.model.world.interruptions import StepFailed
from tests.model.world.storage import SHARDS, LoopStores, Stores, Watch, step_of


class OnDynamoDB:
    """Tables on a DynamoDB, made by ``new_table``. Use it within ``watched``."""

    def __init__(self, new_table: Callable[[], Table]) -> None:
        self._new_table = new_table
        self._watch: Watch | None = None

    def tables(self, watch: Watch) -> Stores:
        self._watch = watch
        sessions, connections = self._new_table(), self._new_table()
        store = DynamoSessionStore(sessions, watch.now)
        return Stores(
            store,
            DynamoConnectionStore(connections, SHARDS, watch.now),
            lambda: _in_loop(connections, watch),
            lambda: _renew_epochs(sessions, store, watch.now),
        )

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Make a step of every request that a botocore client makes."""
        request: Any = vars(botocore.client.BaseClient)["_make_api_call"]
        told: set[str] = set()  # a transaction whose answer was lost is sent again

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            watch = self._watch
            invocation = watch.invocation() if watch else None
            if watch is None or invocation is None:
                return request(client, operation, parameters)
            try:
                with invocation.step():
                    answer = request(client, operation, parameters)
                    if operation == "TransactWriteItems" and parameters["ClientRequestToken"] not in told:
                        told.add(parameters["ClientRequestToken"])
                        _tell(parameters, watch)
            except StepFailed:
                raise ReadTimeoutError(endpoint_url="as it was told by a test") from None
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
            yield


def _renew_epochs(table: Table, store: DynamoSessionStore, now: Callable[[], float]) -> None:
    for _ in DynamoEpochs(table, store, now).renew():
        pass


def _tell(parameters: Mapping[str, Any], watch: Watch) -> None:
    for action in parameters["TransactItems"]:
        item = action.get("Put", {}).get("Item", {})
        partition, sort_key = (item.get(name, {}).get("S", "") for name in ("PK", "SK"))
        if sort_key.startswith("event#") or partition.startswith(PENDING):
            watch.committed(item)


def _in_loop(table: Table, watch: Watch) -> LoopStores:
    class Api(DynamoApi):
        async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            with step_of(watch):
                return await super().call(operation, arguments)

    keys, database, http = Keys("local", "local"), table.database, HttpClient()
    api = Api(http, database.endpoint, database.region, lambda: keys)
    return LoopStores(
        DynamoAudiences(api, table.name, SHARDS, watch.now),
        DynamoProgressStore(api, table.name, SHARDS, watch.now),
        http.close,
    )

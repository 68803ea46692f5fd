"""Every call goes through one connection, which retries it. botocore's own retries are off."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from pynamodb.exceptions import DeleteError, GetError, TransactWriteError

from chalicelib.aws.dynamodb.database import Database, Table
from chalicelib.aws.dynamodb.errors import lost_race
from chalicelib.aws.dynamodb.tables import ActiveSessionItem
from chalicelib.retry import Backoff, RetryPolicy, TimeBudget

THREADS = 8
ATTEMPTS = 4
CONFLICT = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
THROTTLED = {"Code": "ThrottlingError", "Message": "Rate exceeded"}
CAPACITY = {"Code": "ProvisionedThroughputExceeded", "Message": "The level of ..."}
CONDITION = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
NONE = {"Code": "None"}


class StubbedTable:
    """A table whose engine answers what a test tells it. ``slept`` are the waits, ``tokens`` as sent."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.tokens: list[str] = []
        policy = RetryPolicy(attempts=ATTEMPTS, base_seconds=0.1, cap_seconds=0.4)
        backoff = Backoff(policy, TimeBudget(10), lambda: 1.0, self.slept.append, lambda: sum(self.slept))
        database = Database("us-east-1", "http://127.0.0.1:1", backoff)
        events = database.connection.client.meta.events
        events.register("before-parameter-build.dynamodb.TransactWriteItems", self._sent)
        self.table = Table(database, "nights")
        self.item = self.table.bind(ActiveSessionItem)
        self.engine = Stubber(database.connection.client)

    def _sent(self, params: Any, **_: Any) -> None:
        self.tokens.append(params["ClientRequestToken"])

    def refuses(self, operation: str, code: str, *reasons: dict[str, str], status: int = 400) -> None:
        more = {"CancellationReasons": [*reasons]} if reasons else {}
        self.engine.add_client_error(operation, code, http_status_code=status, modeled_fields=more)

    def cancels(self, *reasons: dict[str, str]) -> None:
        self.refuses("transact_write_items", "TransactionCanceledException", *reasons)

    def commit(self, *, retry_conflicts: bool = True) -> None:
        with self.table.transaction(retry_conflicts=retry_conflicts) as write:
            write.save(self.item("sessions", "active#1"))
            write.save(self.item("sessions", "active#2"))


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubbedTable]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    stubbed = StubbedTable()
    with stubbed.engine:
        yield stubbed
    stubbed.engine.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "attempts"),
    [
        ("TransactionConflictException", ATTEMPTS),
        ("ConditionalCheckFailedException", 1),
        ("ValidationException", 1),
        ("AccessDenied", 1),
    ],
)
def test_what_stays_refused_is_raised(stubbed: StubbedTable, code: str, attempts: int) -> None:
    for _ in range(attempts):
        stubbed.refuses("delete_item", code)

    with pytest.raises(DeleteError, match=code):
        stubbed.item("sessions", "active#1").delete()

    assert stubbed.slept == pytest.approx([0.1, 0.2, 0.4][: attempts - 1])


@pytest.mark.parametrize(
    "reasons",
    [(CONFLICT, NONE), (NONE, THROTTLED), (CAPACITY, CAPACITY), (CONFLICT, THROTTLED)],
    ids=lambda reasons: " and ".join(reason["Code"] for reason in reasons),
)
def test_a_cancelled_transaction_is_sent_again_with_its_token(
    stubbed: StubbedTable, reasons: tuple[dict[str, str], ...]
) -> None:
    stubbed.cancels(*reasons)
    stubbed.cancels(*reasons)
    stubbed.engine.add_response("transact_write_items", {})

    stubbed.commit()

    assert stubbed.slept == pytest.approx([0.1, 0.2])
    assert (len(stubbed.tokens), len({*stubbed.tokens})) == (3, 1)


@pytest.mark.parametrize("others", [NONE, CONFLICT, THROTTLED], ids=lambda reason: reason["Code"])
def test_a_failed_condition_loses_the_race_at_once(stubbed: StubbedTable, others: dict[str, str]) -> None:
    stubbed.cancels(others, CONDITION)

    with pytest.raises(TransactWriteError) as lost:
        stubbed.commit()

    assert lost_race(lost.value)
    assert stubbed.slept == []


def test_throttles_are_retried_also_where_conflicts_are_not(stubbed: StubbedTable) -> None:
    stubbed.cancels(NONE, THROTTLED)
    stubbed.cancels(CONFLICT, NONE)

    with pytest.raises(TransactWriteError) as lost:
        stubbed.commit(retry_conflicts=False)

    assert lost_race(lost.value)
    assert stubbed.slept == pytest.approx([0.1])


def key(number: int) -> dict[str, Any]:
    return {"PK": {"S": "sessions"}, "SK": {"S": f"active#{number}"}}


def read(stubbed: StubbedTable) -> list[str]:
    found = stubbed.item.batch_get([("sessions", f"active#{number}") for number in (1, 2, 3)])
    return sorted(item.SK for item in found)


def test_unprocessed_keys_are_asked_for_again_after_a_wait(stubbed: StubbedTable) -> None:
    left = {"nights": {"Keys": [key(3)]}}
    stubbed.engine.add_response(
        "batch_get_item", {"Responses": {"nights": [key(1), key(2)]}, "UnprocessedKeys": left}
    )
    again = {"RequestItems": left, "ReturnConsumedCapacity": ANY}
    stubbed.engine.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left}, again)
    stubbed.engine.add_response(
        "batch_get_item", {"Responses": {"nights": [key(3)]}, "UnprocessedKeys": {}}, again
    )

    assert read(stubbed) == ["active#1", "active#2", "active#3"]
    assert stubbed.slept == pytest.approx([0.1, 0.2])


def test_a_key_that_stays_unprocessed_fails_the_batch(stubbed: StubbedTable) -> None:
    for _ in range(ATTEMPTS):
        stubbed.engine.add_response(
            "batch_get_item", {"Responses": {}, "UnprocessedKeys": {"nights": {"Keys": [key(1)]}}}
        )

    with pytest.raises(GetError, match="unprocessed"):
        read(stubbed)

    assert stubbed.slept == pytest.approx([0.1, 0.2, 0.4])


def test_threads_share_one_client_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    database = Database("us-east-1", "http://127.0.0.1:1")
    together = Barrier(THREADS)

    def client_of(_thread: int) -> int:
        together.wait()
        return id(database.connection.client)

    with ThreadPoolExecutor(THREADS) as threads:
        clients = set(threads.map(client_of, range(THREADS)))

    assert len(clients) == 1

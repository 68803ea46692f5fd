from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from chalicelib.aws.dynamodb.tables import Database

THREADS = 8


def test_threads_that_need_the_database_at_the_same_time_share_one_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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

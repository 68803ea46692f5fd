"""Calls to a DynamoDB of the tests' own, over sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.aws.http import HttpClient
from chalicelib.aws.json_api import DynamoApi
from chalicelib.errors import Unavailable
from chalicelib.retry import RetryPolicy
from tests.integration.aws.sending import keys

FOUND = {"Items": [], "Count": 0}
ONCE = RetryPolicy(attempts=1, base_seconds=0, cap_seconds=0)
AT_ONCE = RetryPolicy(attempts=5, base_seconds=0, cap_seconds=0)

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Database:
    """A server that gives its answers in turn, the last one again and again."""

    answers: list[Say]
    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    accepted: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1")
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            for writer in self.writers:
                writer.transport.abort()
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.writers.append(writer)
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
                self.asked.append(await reader.readexactly(int(headers["content-length"])))
                await self.answers[min(len(self.asked), len(self.answers)) - 1](writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()


def answer(status: int, body: Any, *extra: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        sent = json.dumps(body).encode()
        writer.write(b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n" % (status, len(sent)))
        writer.write(b"".join(extra) + b"\r\n" + sent)

    return say


def piece(data: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return say


def piece_and_hang_up(data: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return say


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


OK = answer(200, FOUND)


@asynccontextmanager
async def api_of(database: Database, **options: Any) -> AsyncIterator[DynamoApi]:
    http = HttpClient(timeout=3.0)
    url = f"http://127.0.0.1:{database.port}"
    try:
        yield DynamoApi(http, url, "eu-central-1", keys, **{"retry": AT_ONCE, **options})
    finally:
        await http.close()


async def test_a_large_answer_and_a_small_one_share_a_connection() -> None:
    database = Database([answer(200, {"Items": ["x" * 1_000_000]}), OK])

    async with database.serving(), api_of(database) as api:
        large = await api.call("Query", {})
        small = await api.call("Query", {"Limit": 1})

    assert (len(large["Items"][0]), small) == (1_000_000, FOUND)
    assert database.asked == [b"{}", b'{"Limit": 1}']
    assert database.accepted == 1


@pytest.mark.parametrize(
    "passing",
    [
        answer(503, "no object", b"Connection: close\r\n"),
        reset,
        piece_and_hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        piece(b"SSH-2.0-OpenSSH\r\n"),
    ],
)
async def test_what_is_no_whole_answer_is_tried_again(passing: Say) -> None:
    database = Database([passing, passing, OK])

    async with database.serving(), api_of(database) as api:
        found = await api.call("Query", {})

    assert found == FOUND
    assert len(database.asked) == 3


async def test_connections_that_died_while_idle_cost_no_attempt() -> None:
    database = Database([OK])

    async with database.serving(), api_of(database, retry=ONCE) as api:
        await asyncio.gather(*(api.call("Query", {}) for _ in range(3)))
        for writer in database.writers:
            writer.transport.abort()
        found = await api.call("Query", {})

    assert found == FOUND


async def test_a_database_that_is_away_is_unavailable() -> None:
    database = Database([OK])
    async with database.serving():
        pass

    async with api_of(database) as api:
        with pytest.raises(Unavailable):
            await api.call("Query", {})

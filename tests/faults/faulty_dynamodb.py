"""A DynamoDB that does not always do what it is asked: in front of an engine, over a real socket.

Does as told to one request after the other; what nothing is told of goes through.
"""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Self
from urllib.parse import urlsplit

WRITES = frozenset({"DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})


class Fault(StrEnum):
    THROTTLED = auto()
    CONFLICT = auto()
    BROKEN = auto()
    SILENT = auto()
    RESET = auto()
    ANSWER_LOST = auto()
    UNDECIDED = auto()
    """It is done, and the answer says that it is in progress: what DynamoDB says to a second attempt."""


_REFUSALS: dict[Fault, tuple[int, Mapping[str, object]]] = {
    Fault.THROTTLED: (400, {"__type": "ns#ThrottlingException", "message": "Rate exceeded"}),
    Fault.BROKEN: (500, {"__type": "ns#InternalServerError", "message": "Internal error"}),
    Fault.CONFLICT: (
        400,
        {
            "__type": "ns#TransactionCanceledException",
            "Message": "Transaction cancelled [TransactionConflict]",
            "CancellationReasons": [{"Code": "TransactionConflict", "Message": "Transaction is ongoing"}],
        },
    ),
}

_UNDECIDED = {"__type": "ns#TransactionInProgressException", "Message": "The transaction is in progress"}
_OF_TRANSACTIONS = frozenset({Fault.CONFLICT, Fault.UNDECIDED})


@dataclass
class FaultyDynamoDb:
    """``faults`` are what happens to the next requests, to those of ``operations`` where these are named.

    ``undecided`` are the tokens of the transactions that were said to be in progress.
    """

    engine: str
    faults: list[Fault] = field(default_factory=list)
    operations: frozenset[str] = frozenset()
    url: str = ""
    asked: int = 0
    happened: list[tuple[str, Fault]] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def fail(self, *faults: Fault, operations: frozenset[str] = frozenset()) -> None:
        self.faults, self.operations = [*faults], operations

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(reader, writer):
                    pass
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        headers = dict(line.split(": ", 1) for line in head.rstrip("\r\n").split("\r\n")[1:])
        headers = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(headers["content-length"]))
        operation = headers["x-amz-target"].rpartition(".")[2]
        self.asked += 1
        fault = self._fault(operation)
        if fault in _REFUSALS:
            status, refusal = _REFUSALS[fault]
            writer.write(_rendered(status, json.dumps(refusal).encode(), {}))
            return True
        if fault is Fault.SILENT:
            await asyncio.get_running_loop().create_future()
        if fault is Fault.RESET:
            return False
        status, answered, answer = await asyncio.to_thread(self._forward, headers, body)
        if fault is Fault.ANSWER_LOST:
            return False
        if fault is Fault.UNDECIDED:
            self.undecided.append(json.loads(body)["ClientRequestToken"])
            status, answer, answered = 400, json.dumps(_UNDECIDED).encode(), {}
        writer.write(_rendered(status, answer, answered))
        return True

    def _fault(self, operation: str) -> Fault | None:
        if not self.faults or (self.operations and operation not in self.operations):
            return None
        if self.faults[0] in _OF_TRANSACTIONS and operation != "TransactWriteItems":
            return None  # nothing else can have one
        fault = self.faults.pop(0)
        self.happened.append((operation, fault))
        return fault

    def _forward(self, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        url = urlsplit(self.engine)
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=30)
        try:
            connection.request("POST", "/", body, dict(headers))
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() == "x-amz-crc32"}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


def _rendered(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    named = {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body

"""A DynamoDB between the product and a real engine, over a real socket, as unkind as AWS's own.

It locks the items of a transaction for as long as that takes. A Put, Update or Delete that meets one is
answered TransactionConflictException. A transaction that meets another writer is cancelled with
TransactionConflict; AWS documents that for other transactions, here a single write in flight does it too.
The same token while its transaction runs is TransactionInProgressException. The engines do none of this.

Beside that it does as it is told to chosen calls. What nothing is told of goes through.
"""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self
from urllib.parse import urlsplit

from tests.faults.dynamodb_refusals import APPLIES_TO, IN_PROGRESS, Fault, Refusal, refusal_of
from tests.faults.dynamodb_requests import DynamoRequest, Locks


@dataclass
class FaultyDynamoDb:
    """``seed`` decides which of several items is the one in the way. ``undecided`` are tokens.

    ``transaction_seconds`` is how long a transaction has its items beyond what the engine takes.
    """

    engine: str
    seed: int = 17
    transaction_seconds: float = 0.002
    url: str = ""
    asked: int = 0
    faults: list[Fault] = field(default_factory=list)
    happened: list[tuple[str, Fault]] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    _operations: frozenset[str] = frozenset()
    _key: str = ""
    _spared: int = 0
    _locks: Locks = field(default_factory=Locks)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)

    def fail(
        self, *faults: Fault, operations: frozenset[str] = frozenset(), key: str = "", after: int = 0
    ) -> None:
        """Let faults happen to the next calls, one each, once ``after`` such calls have gone through.

        Such calls are those of ``operations`` (none named: all) on an item whose "PK SK" begins with ``key``.
        """
        self.faults, self.happened = [*faults], []
        self._operations, self._key, self._spared = operations, key, after

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
        request = DynamoRequest.read(headers["x-amz-target"].rpartition(".")[2], body)
        self.asked += 1
        fault = self._fault(request)
        refusal = self._refusal(request, fault)
        if refusal is not None:
            writer.write(_rendered(refusal.status, json.dumps(refusal.body).encode(), {}))
            return True
        if fault is Fault.SILENT:
            await asyncio.get_running_loop().create_future()
        if fault is Fault.RESET:
            return False
        status, answered, answer = await self._done(request, headers, body, fault)
        if fault is Fault.ANSWER_LOST:
            return False
        writer.write(_rendered(status, answer, answered))
        return True

    def _fault(self, request: DynamoRequest) -> Fault | None:
        if not self.faults or (self._operations and request.operation not in self._operations):
            return None
        if request.operation not in APPLIES_TO.get(self.faults[0], {request.operation}):
            return None
        if not request.on(self._key):
            return None
        if self._spared:
            self._spared -= 1
            return None
        fault = self.faults.pop(0)
        self.happened.append((request.operation, fault))
        return fault

    def _refusal(self, request: DynamoRequest, fault: Fault | None) -> Refusal | None:
        items = len(request.keys)
        if fault is not None:
            on = [self._chance.choice(request.on(self._key))]
            return refusal_of(fault, request.operation, items, on)
        if request.token in self._locks.tokens:
            return IN_PROGRESS
        if met := self._locks.met_by(request):
            self.conflicts.append(request.operation)
            return refusal_of(Fault.CONFLICT, request.operation, items, met)
        return None

    async def _done(
        self, request: DynamoRequest, headers: Mapping[str, str], body: bytes, fault: Fault | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Have the engine do it, and return status, headers and body of what is answered."""
        if fault is Fault.UNPROCESSED:
            return await self._partly_done(request, headers)
        with self._locks.held(request):
            done = await asyncio.to_thread(self._forward, headers, body)
            if request.token is not None:
                await asyncio.sleep(self.transaction_seconds)
        if fault is Fault.UNDECIDED:
            self.undecided.append(request.token or "")
            return IN_PROGRESS.status, {}, json.dumps(IN_PROGRESS.body).encode()
        return done

    async def _partly_done(
        self, request: DynamoRequest, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        done, undone = request.without([request.on(self._key)[0]])
        answer: dict[str, Any] = {"Responses": {}}
        if done.arguments["RequestItems"]:
            body = json.dumps(done.arguments).encode()
            _, _, text = await asyncio.to_thread(self._forward, headers, body)
            answer = json.loads(text)
        return 200, {}, json.dumps({**answer, "UnprocessedKeys": undone}).encode()

    def _forward(self, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        url = urlsplit(self.engine)
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=30)
        try:
            connection.request("POST", "/", body, {**headers, "content-length": str(len(body))})
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() == "x-amz-crc32"}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


def _rendered(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    named = {
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": str(len(body)),
        "x-amzn-RequestId": "8E5RP3KQV9UTA9BTDP7HCQ4RDBVV4KQNSO5AEMVJF66Q9ASUAAJG",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body

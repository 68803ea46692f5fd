"""A DynamoDB between the product and a real engine, over a real socket, as unkind as AWS's own.

It locks the items of a transaction for as long as that takes. A Put, Update or Delete that meets one is
answered TransactionConflictException. A transaction that meets another writer is cancelled with
TransactionConflict; AWS documents that for other transactions, here a single write in flight does it too.
The same token while its transaction runs is TransactionInProgressException. The engines do none of this.

Beside that it does as it is told to chosen calls. What nothing is told of goes through.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import httpx

from infra.deploy.rehearse.models import json_problems
from tests.faults.dynamodb_refusals import APPLIES_TO, IN_PROGRESS, WRITES, Fault, Refusal, refusal_of
from tests.faults.dynamodb_requests import DynamoRequest, Locks
from tests.sockets import listening

PATIENCE_SECONDS = 60.0
Headers = dict[str, str]
Answer = tuple[int, bytes, Headers]


class FaultyDynamoDb:
    """``happened`` are the faults that did, ``conflicts`` what met another write, ``undecided`` tokens.

    ``wrong`` is what was wrong with calls by botocore's model, of a right product nothing.

    Where there is ``held_until_met``, a transaction has its items until it is set, as it is by a conflict.
    """

    def __init__(self, engine: httpx.AsyncClient) -> None:
        self.url = ""
        self.held_until_met: asyncio.Event | None = None
        self.asked = 0
        self.conflicts: list[str] = []
        self.undecided: list[str] = []
        self.wrong: list[str] = []
        self._engine = engine
        self._chance = Random(17)  # decides which of several items is the one in the way
        self._locks = Locks()
        self.fail()

    def fail(self, *faults: Fault, operations: frozenset[str] = frozenset(), key: str = "") -> None:
        """Let faults happen to the next calls, one each.

        Such calls are those of ``operations`` (none named: all) on an item whose "PK SK" begins with ``key``.
        """
        self.faults, self.happened = [*faults], list[tuple[str, Fault]]()
        self._operations, self._key = operations, key
        self._each_write, self.to_come = list[Fault](), dict[Any, list[Fault]]()

    def fail_each_write(self, *faults: Fault) -> None:
        """Let all of the faults that can happen to a write happen to each, one after the other.

        A write is known by its operation and its items. ``to_come`` has what is to come of each.
        """
        self.fail()
        self._each_write = [*faults]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
            lines = [line.split(": ", 1) for line in head.rstrip().split("\r\n")[1:]]
            headers = {name.lower(): value for name, value in lines}
            body = await reader.readexactly(int(headers.pop("content-length")))
            api, _, operation = headers["x-amz-target"].partition(".")
            service = "dynamodb" if api.startswith("DynamoDB_") else "dynamodbstreams"
            self.asked += 1
            request = DynamoRequest(operation, json.loads(body))
            self.wrong += json_problems(service, operation, request.arguments)
            answer = await self._answer(request, headers, body)
            if answer is None:
                writer.transport.abort()
                return
            writer.write(_rendered(*answer))

    async def _answer(self, request: DynamoRequest, headers: Headers, body: bytes) -> Answer | None:
        """Return what is answered; None where the connection is reset instead."""
        fault = self._fault(request)
        if refusal := self._refusal(request, fault):
            return _of(refusal)
        if fault is Fault.SILENT:
            await asyncio.get_running_loop().create_future()
        if fault is Fault.RESET:
            return None
        if fault is Fault.UNPROCESSED:
            done, undone = request.without(request.on(self._key)[0])
            answer: Any = {"Responses": {}}
            if done.arguments["RequestItems"]:
                answer = json.loads((await self._forward(headers, json.dumps(done.arguments).encode()))[1])
            return _of((200, {**answer, "UnprocessedKeys": undone}))
        with self._locks.held(request):
            if request.token and self.held_until_met is not None:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self.held_until_met.wait()
            made = await self._forward(headers, body)
        if fault is Fault.UNDECIDED:
            self.undecided.append(request.token)
            return _of(IN_PROGRESS)
        return None if fault is Fault.ANSWER_LOST else made

    def _fault(self, request: DynamoRequest) -> Fault | None:
        faults = self.faults
        if self._each_write and request.operation in WRITES:
            can_happen = [one for one in self._each_write if request.operation in APPLIES_TO.get(one, WRITES)]
            faults = self.to_come.setdefault((request.operation, *sorted(request.items)), can_happen)
        if not faults or (self._operations and request.operation not in self._operations):
            return None
        applies_to = APPLIES_TO.get(faults[0], {request.operation})
        if request.operation not in applies_to or not request.on(self._key):
            return None
        self.happened.append((request.operation, faults.pop(0)))
        return self.happened[-1][1]

    def _refusal(self, request: DynamoRequest, fault: Fault | None) -> Refusal | None:
        items = len(request.items)
        if fault is not None:
            on = [self._chance.choice(request.on(self._key))]
            return refusal_of(fault, request.operation, items, on)
        if request.token and request.token in self._locks.tokens:
            return IN_PROGRESS
        if met := self._locks.met_by(request):
            self.conflicts.append(request.operation)
            if self.held_until_met is not None:
                self.held_until_met.set()
            return refusal_of(Fault.CONFLICT, request.operation, items, met)
        return None

    async def _forward(self, headers: Headers, body: bytes) -> Answer:
        headers = {**headers, "accept-encoding": "identity"}
        answer = await self._engine.post("/", content=body, headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name == "x-amz-crc32"}
        return answer.status_code, answer.content, kept


@asynccontextmanager
async def faulty_dynamodb(engine: str) -> AsyncIterator[FaultyDynamoDb]:
    """Serve it before an engine."""
    async with httpx.AsyncClient(base_url=engine, timeout=60, trust_env=False) as client:
        dynamodb = FaultyDynamoDb(client)
        async with listening(dynamodb.serve) as port:
            dynamodb.url = f"http://127.0.0.1:{port}"
            yield dynamodb


def _of(refusal: Refusal) -> Answer:
    status, body = refusal
    return status, json.dumps(body).encode(), {}


def _rendered(status: int, body: bytes, headers: Headers) -> bytes:
    named = {
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": str(len(body)),
        "x-amzn-RequestId": "8E5RP3KQV9UTA9BTDP7HCQ4RDBVV4KQNSO5AEMVJF66Q9ASUAAJG",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body

"""A server of AWS's on 127.0.0.1 that answers each connection id as a test tells it to.

It checks the signature of every request with botocore's own signer, and counts what is in flight.
"""

import asyncio
import socket
import ssl
import struct
from asyncio import StreamReader, StreamWriter
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

REGION = "eu-central-1"
KEYS = ReadOnlyCredentials("AKIDEXAMPLE", "not much of a secret", "a/session+token==")

Behaviour = Callable[[StreamWriter], Awaitable[None]]
"""Answers a request on the server's side of a connection, or does not."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def connection_id(self) -> str:
        return unquote(self.path.rpartition("/")[2])


def say(*pieces: bytes) -> Behaviour:
    """Say something in pieces, and keep the connection."""

    async def behave(writer: StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)

    return behave


def say_and_hang_up(data: bytes) -> Behaviour:
    async def behave(writer: StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return behave


def answer(status: int, *headers: bytes, body: bytes = b"{}") -> Behaviour:
    start = b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n" % (status, len(body))
    return say(start + b"".join(headers) + b"\r\n" + body)


async def reset(writer: StreamWriter) -> None:
    at_once = struct.pack("ii", 1, 0)  # without it a close is an end of the answer, and no reset
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()


async def never(_writer: StreamWriter) -> None:
    await asyncio.get_running_loop().create_future()


def when(event: asyncio.Event, then: Behaviour) -> Behaviour:
    async def behave(writer: StreamWriter) -> None:
        await event.wait()
        await then(writer)

    return behave


OK = answer(200)
GONE = answer(410)


@dataclass
class HostileServer:
    """``behaviours`` holds what each connection id is answered with, in turn; the last one stays.

    ``delete`` is the answer to every DELETE, after which the connection is gone; None where a DELETE is
    answered as a POST would be.
    ``trusting`` is what a client needs to trust its certificate.
    """

    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    otherwise: Behaviour = OK
    delete: Behaviour | None = None
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    accepted: int = 0
    in_flight: int = 0
    writers: list[StreamWriter] = field(default_factory=list)
    trusting: ssl.SSLContext | None = None
    bad_signatures: list[Request] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    _levels: dict[int, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    _turns: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _scheme: str = "http"

    @property
    def endpoint(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/{{stage}}"

    def posted_to(self, connection_id: str) -> int:
        return sum(request.connection_id == connection_id for request in self.requests)

    async def in_flight_reaches(self, count: int) -> None:
        await self._levels[count].wait()

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Self]:
        self._scheme = "https" if tls else "http"
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for writer in self.writers:
                writer.transport.abort()
            await server.wait_closed()
            await asyncio.sleep(0)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.accepted += 1
        self.writers.append(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while not writer.is_closing():
                await self._answer(await _read(reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()

    async def _answer(self, request: Request, writer: StreamWriter) -> None:
        self.requests.append(request)
        if request.headers["authorization"] != _authorization(request, self._scheme):
            self.bad_signatures.append(request)
        behaviours = self.behaviours.get(request.connection_id, [self.otherwise])
        if request.connection_id in self.closed:
            behaviours = [GONE]
        elif request.method == "DELETE" and self.delete is not None:
            behaviours = [self.delete]
            self.closed.add(request.connection_id)
        turn = self._turns[request.connection_id]
        self._turns[request.connection_id] += 1
        self.in_flight += 1
        self._levels[self.in_flight].set()
        try:
            await behaviours[min(turn, len(behaviours) - 1)](writer)
        finally:
            self.in_flight -= 1


async def _read(reader: StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    start, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = start.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    body = await reader.readexactly(int(headers["content-length"]))
    return Request(method, path, headers, body)


def _authorization(request: Request, scheme: str) -> str:
    """Return what botocore makes of a request, for the service and with the headers that were signed."""
    scope, names, _ = (part.partition("=")[2] for part in request.headers["authorization"].split(", "))
    theirs = AWSRequest(
        method=request.method,
        url=f"{scheme}://{request.headers['host']}{request.path}",
        data=request.body,
        headers={name: request.headers[name] for name in names.split(";")},
    )
    theirs.context["timestamp"] = request.headers["x-amz-date"]
    auth = SigV4Auth(KEYS, scope.split("/")[3], REGION)
    signature = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(theirs)}, SignedHeaders={names}, Signature={signature}"

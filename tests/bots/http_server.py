"""An HTTP server on 127.0.0.1 that answers as a test says, and records what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.bots.listening import PATIENCE_SECONDS
from tests.sockets import listening


@dataclass(frozen=True)
class Request:
    start: str
    headers: dict[str, str]
    body: Any


Answer = tuple[Any, ...] | bytes | None
"""A status, a body and maybe headers; bytes as they are; or None for no answer."""


class HttpServer:
    """``answers`` are given in turn, and then ``otherwise``, which may depend on the request."""

    def __init__(self, *answers: Answer, otherwise: Answer | Callable[[Request], Answer] = (200, {})) -> None:
        self.answers = [*answers]
        self.requests: list[Request] = []
        self.port = 0
        self.keeps_open = False
        self._otherwise = otherwise
        self._taken: asyncio.Queue[Any] = asyncio.Queue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def takes(self) -> Any:
        """Return the body of the next request that was answered with success."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._taken.get()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        text = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(start, headers, json.loads(text or "null"))
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else self._otherwise
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, tuple):
            status, body, *more = answer
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            named = {"Connection": "close", "Content-Length": len(data), **(more[0] if more else {})}
            shown = "".join(f"{name}: {value}\r\n" for name, value in named.items())
            writer.write(f"HTTP/1.1 {status} Whatever\r\n{shown}\r\n".encode() + data)
            if status < 300:
                self._taken.put_nowait(request.body)
        elif answer is not None:
            writer.write(answer)
        if self.keeps_open:
            await asyncio.Event().wait()


@asynccontextmanager
async def answering(
    *answers: Answer, otherwise: Answer | Callable[[Request], Answer] = (200, {})
) -> AsyncIterator[HttpServer]:
    server = HttpServer(*answers, otherwise=otherwise)
    async with listening(server.answer) as server.port:
        yield server

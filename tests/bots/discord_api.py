"""Discord's API for webhooks on 127.0.0.1, as far as a webhook is posted to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from tests.bots.listening import PATIENCE_SECONDS
from tests.sockets import listening

PATH = "/api/webhooks/123/s3cret"


@dataclass
class DiscordApi:
    """``answers`` are given in turn, each a status and a body, or None for no answer; then all is taken."""

    answers: list[tuple[int, Any] | None] = field(default_factory=list)
    port: int = 0
    requests: list[Any] = field(default_factory=list)
    taken: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    async def takes(self) -> str:
        """Return the text of the next message that was taken."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.taken.get()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        async with listening(self._serve) as self.port:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        start, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.requests.append({"start": start, "headers": headers, "body": body})
        answer = self.answers.pop(0) if self.answers else (200, {"id": "1"})
        if answer is not None:
            status, told = answer
            data = told if isinstance(told, bytes) else json.dumps(told).encode()
            writer.write(b"HTTP/1.1 %d Whatever\r\nConnection: close\r\n" % status)
            writer.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
            if status < 300:
                self.taken.put_nowait(body["content"])

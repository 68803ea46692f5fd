"""A crowd of WebSocket clients that only notice when an event has come, in a process of its own.

It is the server that is measured, so they are no client library's. On standard input it takes one line for
each round and answers with one: how long after that line's moment the events came.

    python -m benchmarks.end_to_end.crowd WS_URL COUNT TOKEN
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.frames import Wire

AT_ONCE = 50
"""Clients that are on their way to ``auth_success`` together."""


@dataclass(slots=True)
class Round:
    """Who has heard the event that everyone waits for. Moments are of ``time.monotonic()``."""

    wanted: int
    heard: list[float] = field(default_factory=list)
    everyone: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self) -> None:
        self.heard.append(time.monotonic())
        if len(self.heard) == self.wanted:
            self.everyone.set()


class Client(Wire):
    """One client: authenticates, and counts the events that come."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self.open(crowd.host, crowd.path)
        self.authenticated: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def opened(self) -> None:
        self.send(self._crowd.auth)

    def refused(self, head: bytes) -> None:
        self._fail(f"the handshake was answered {head[:60]!r}")

    def received(self, opcode: int, payload: bytes) -> None:  # noqa: ARG002 - the wire's signature
        if b'"session.started"' in payload:
            self._crowd.round.hear()
        elif b'"auth_success"' in payload and not self.authenticated.done():
            self.authenticated.set_result(None)
        elif not self.authenticated.done():
            self._fail(f"it was told {payload!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc}")

    def _fail(self, why: str) -> None:
        if not self.authenticated.done():
            self.authenticated.set_exception(RuntimeError(f"A client did not get in: {why}"))


class Crowd:
    """All the clients."""

    def __init__(self, url: str, count: int, token: str) -> None:
        parts = urlsplit(url)
        self.host, self.path = parts.netloc, parts.path
        self.auth = json.dumps({"type": "auth", "token": token}).encode()
        self.round = Round(count)
        self._address = (parts.hostname or "", parts.port or 80)
        self._count = count

    async def enter(self) -> None:
        """Let everyone in. Raises RuntimeError where somebody is refused."""
        doors = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with doors:
                _, client = await asyncio.get_running_loop().create_connection(
                    lambda: Client(self), *self._address
                )
                await client.authenticated

        await asyncio.gather(*(one() for _ in range(self._count)))

    async def next_round(self, begins: float) -> dict[str, float]:
        """Return the seconds until the first, the middle and the last client had heard."""
        await self.round.everyone.wait()
        heard = sorted(moment - begins for moment in self.round.heard)
        self.round = Round(self._count)
        return {"first": heard[0], "median": heard[len(heard) // 2], "last": heard[-1]}


async def main(url: str, count: int, token: str) -> None:
    crowd = Crowd(url, count, token)
    await crowd.enter()
    print("in", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await crowd.next_round(float(line))), flush=True)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))

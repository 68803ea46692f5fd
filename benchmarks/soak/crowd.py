"""A crowd that follows one night, loses its connections, and comes back with its cursors.

A process of its own. It is told on standard input what happened, and says on standard output how it is: see
``main``. Every client goes by the place of the last frame that it had of the session's stream.

    python -m benchmarks.soak.crowd WS_URL COUNT TOKEN SESSION CHURN_PER_SECOND
"""

import asyncio
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.frames import Wire

AT_ONCE = 50
"""Clients that are on their way in together."""

AWAY_SECONDS = 5.0
"""A client that lost its connection is back after a random time below this."""

TEXT, CLOSE = 0x1, 0x8
PING_SECONDS = 300
"""API Gateway closes what is silent for ten minutes."""

PLACE = re.compile(rb'"sequence":(\d+),"cursor":"([^"]*)"')
"""At the end of every event of a stream that a client resumes."""


@dataclass(slots=True)
class Crowd:
    """All clients, and what they have in common."""

    url: str
    token: str
    session: int
    clients: list["Client"] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    asked: dict[int, float] = field(default_factory=dict)
    """When the POST of an event was about to be sent, by the event's number."""

    doors: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    away: set["asyncio.Task[None]"] = field(default_factory=set)
    """Who is on its way back."""

    def comes_back(self, client: "Client") -> None:
        """Let a client in again, after a while."""
        client.settled = False  # so that nobody else lets it in meanwhile
        task = asyncio.create_task(self._return(client))
        self.away.add(task)
        task.add_done_callback(self.away.discard)

    async def _return(self, client: "Client") -> None:
        await asyncio.sleep(random.random() * AWAY_SECONDS)
        await self.let_in(client)
        self.counts["came back"] += 1

    async def let_in(self, client: "Client") -> None:
        """Try until it is in, as any client does."""
        while True:
            async with self.doors:
                try:
                    await client.enter()
                except OSError:  # a time-out is one, too
                    client.vanish()
                else:
                    client.settled = True
                    return
            await asyncio.sleep(random.random() * AWAY_SECONDS)

    def missing(self, last: int) -> int:
        """Count the events up to a number that a client lacks, over all clients."""
        return sum(last - min(client.place, last) for client in self.clients)


class Client(Wire):
    """One client, over all of its connections."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self.place = 0
        self.cursor = ""
        self.transport = None
        self.settled = False
        self._begin()

    def _begin(self) -> None:
        parts = urlsplit(self._crowd.url)
        self._address = (parts.hostname, parts.port)
        self.open(parts.netloc, parts.path)
        self._replayed_to = 0
        self.inside: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def enter(self) -> None:
        """Connect, authenticate, subscribe from where it was."""
        self._begin()
        await asyncio.get_running_loop().create_connection(lambda: self, *self._address)
        async with asyncio.timeout(60):
            await self.inside

    def vanish(self) -> None:
        """Lose the connection, without a word to the other side."""
        if self.transport is not None:
            self.transport.abort()

    def say(self, frame: dict[str, object]) -> None:
        """Send a frame."""
        self.send(json.dumps(frame).encode())

    def opened(self) -> None:
        self.say({"type": "auth", "token": self._crowd.token})

    def refused(self, head: bytes) -> None:  # noqa: ARG002 - the wire's signature
        self._crowd.counts["refused"] += 1
        self.vanish()

    def received(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._crowd.counts["closed by the service"] += 1
            self.vanish()
            return
        if opcode != TEXT:
            return
        kind = payload[:60]
        if b'"auth_success"' in kind:
            self.say({"type": "subscribe", "sessionId": self._crowd.session, "since": self.cursor})
        elif b'"subscribed"' in kind:
            answer = json.loads(payload)
            if not answer["recovered"]:
                self._crowd.counts["recovered: false"] += 1
            self._replayed_to = answer["last"]
            if not self.inside.done():
                self.inside.set_result(None)
        elif (found := PLACE.search(payload)) is not None:
            self._event(int(found[1]), found[2].decode())
        elif b'"pong"' not in kind and b'"session.started"' not in kind:
            told = json.loads(payload)
            self._crowd.counts[f"told {told.get('code') or told.get('message')}"] += 1

    def _event(self, place: int, cursor: str) -> None:
        if place <= self.place:
            self._crowd.counts["twice"] += 1
            return
        if place > self.place + 1:
            self._crowd.counts["holes"] += 1
        self.place, self.cursor = place, cursor
        if place <= self._replayed_to:
            self._crowd.counts["replayed"] += 1
            return
        self._crowd.counts["live"] += 1
        if place in self._crowd.asked:
            self._crowd.delays.append(time.monotonic() - self._crowd.asked[place])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self.transport = None
        if not self.inside.done():
            self.inside.set_exception(ConnectionError("lost on the way in"))
        if self.settled:
            self._crowd.counts["lost by themselves"] += 1
            self._crowd.comes_back(self)


async def main(url: str, count: int, token: str, session: int, churn: float) -> None:
    """Let everyone in and say ``in``; then answer each line with one.

    ``{"asked": N}``: event N is about to be asked for. ``{"wait": N, "seconds": S}``: wait until nobody lacks
    an event up to N, and answer ``{"missing", "delays", "counts"}``; the delays are in seconds, sorted.
    """
    crowd = Crowd(url, token, session)
    crowd.clients = [Client(crowd) for _ in range(count)]
    await asyncio.gather(*(crowd.let_in(client) for client in crowd.clients))
    print("in", flush=True)
    churning = asyncio.create_task(_churn(crowd, churn))
    pinging = asyncio.create_task(_ping(crowd))
    while line := await asyncio.to_thread(sys.stdin.readline):
        told = json.loads(line)
        if "asked" in told:
            crowd.asked[told["asked"]] = time.monotonic()
            answer: dict[str, object] = {}
        else:
            churning.cancel()
            until = time.monotonic() + told["seconds"]
            # Counted now and then, not at each of a million events.
            while crowd.missing(told["wait"]) and time.monotonic() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            answer = {
                "missing": crowd.missing(told["wait"]),
                "delays": sorted(crowd.delays),
                "counts": crowd.counts,
            }
        print(json.dumps(answer), flush=True)
    pinging.cancel()


async def _churn(crowd: Crowd, per_second: float) -> None:
    while True:
        await asyncio.sleep(1 / per_second)
        there = [one for one in random.sample(crowd.clients, min(20, len(crowd.clients))) if one.settled]
        if there:
            crowd.counts["connections lost"] += 1
            crowd.comes_back(there[0])
            there[0].vanish()


async def _ping(crowd: Crowd) -> None:
    while True:
        for client in crowd.clients:
            await asyncio.sleep(PING_SECONDS / len(crowd.clients))
            if client.inside.done():
                client.say({"type": "ping"})


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))

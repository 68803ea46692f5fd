"""Votes over HTTP on the local gateway: `python -m benchmarks.votes_over_http`, or `make bench-votes`.

Starts a gateway and lets voters post votes for one session, each on a connection of its own and one vote
after the other. Gateway, functions, engine and voters share this machine's cores. A rate counts until the
last vote is counted, and the run checks itself: every answered vote is one event.
"""

import asyncio
import json
import secrets
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from tests.gateway import running_gateway

GIVE_UP_SECONDS = 30.0


class Client:
    """A connection to the gateway that is kept alive: raw, since a voter is to cost as little as can be."""

    def __init__(self, rest_url: str, token: str) -> None:
        self._address = urlsplit(rest_url)
        self._token = token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return the status and the content of an answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._address.hostname, self._address.port)
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._address.netloc}\r\n"
        head += f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length:")[2].partition("\r\n")[0])
        return int(answer.split()[1]), json.loads(await reader.readexactly(length))

    async def votes(self, session_id: int) -> list[str]:
        """Return the usernames of all votes that are counted."""
        found: list[str] = []
        cursor, more = "", True
        while more:
            path = f"/api/sessions/{session_id}/events?limit=100&since={cursor}"
            _, page = await self.ask("GET", path)
            found += [one["data"]["vote"]["username"] for one in page["events"] if "vote" in one["data"]]
            cursor, more = page["cursor"], page["more"]
        return found


async def run(rest_url: str, token: str, voters: int, seconds: float) -> None:
    host = Client(rest_url, token)
    _, session = await host.ask("POST", "/api/sessions")
    path = f"/api/sessions/{session['id']}"
    await host.ask("POST", f"{path}/games", {"title": "Quiplash"})
    took: list[float] = []
    statuses: Counter[int] = Counter()
    answered: list[str] = []
    start = time.monotonic()

    async def vote() -> None:
        client = Client(rest_url, token)
        while (began := time.monotonic()) < start + seconds:
            name = secrets.token_hex(8)
            status, _ = await client.ask("POST", f"{path}/votes", {"username": name, "type": "up"})
            statuses[status] += 1
            if status < 300:
                answered.append(name)
                took.append(time.monotonic() - began)

    await asyncio.gather(*(vote() for _ in range(voters)))
    counted: list[str] = []
    while len(counted) < len(answered) and time.monotonic() < start + seconds + GIVE_UP_SECONDS:
        counted = await host.votes(session["id"])
    whole = time.monotonic() - start
    assert Counter(counted) == Counter(answered), f"{len(answered)} answered, {len(counted)} counted"
    took.sort()
    click.echo(
        f"{'local gateway':15} {len(took) / whole:6.1f} votes/s counted  "
        f"p50 {statistics.median(took) * 1000:4.0f} ms  p99 {took[int(len(took) * 0.99)] * 1000:4.0f} ms  "
        f"answers {dict(statuses)}"
    )


@click.command(help=__doc__)
@click.option("--voters", default=50, show_default=True, help="How many vote at the same time.")
@click.option("--seconds", default=8.0, show_default=True)
def main(voters: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder, running_gateway(Path(folder)) as gateway:
        asyncio.run(run(gateway.rest_url, gateway.token("admin"), voters, seconds))


if __name__ == "__main__":
    main()

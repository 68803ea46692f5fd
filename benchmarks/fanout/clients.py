"""The candidates, each in a process of its own: `python -m benchmarks.fanout.clients NAME ...`.

Each posts the same body to one connection after another until its time is over, over connections that are
open before the clock starts, and prints what it did as one line of JSON. ``__main__`` compares them.
"""

import asyncio
import itertools
import json
import resource
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from benchmarks.fanout.cores import go_first

if TYPE_CHECKING:
    from chalicelib.aws.sigv4 import SignedRequests
    from chalicelib.settings import Keys

REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjE" + "x" * 380
"""As long as the session tokens that Lambda gives a function's role."""

BODY = (
    b'{"type":"session.started","timestamp":"2025-11-01T20:00:00.123Z","data":{"session":{"id":17,'
    b'"is_active":1,"created_at":"2025-11-01T20:00:00.123Z","notes":"Friday Game Night"}}}'
)
CONNECTION_IDS = [f"L0SM9c{number:07d}Ew=" for number in range(10_000)]
PAGE = 1_000
WINDOW = 64
THREADS = 32


@dataclass(frozen=True, slots=True)
class Sample:
    """What one candidate did: posts answered 200, and the seconds and CPU seconds that they took."""

    posts: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """Where to post to, and for how long. ``certificate`` is what https is verified against.

    ``first``: while it is measured, a client runs before all other work on its core.
    """

    url: str
    certificate: Path
    seconds: float
    first: bool


class Stopwatch:
    """Measures from its making to ``sample``; ``over`` once the task's seconds have passed."""

    def __init__(self, task: Task) -> None:
        if task.first:
            go_first()
        self._cpu = cpu_seconds()
        self._started = time.perf_counter()
        self._until = self._started + task.seconds

    @property
    def over(self) -> bool:
        return time.perf_counter() >= self._until

    def ids(self) -> Iterator[str]:
        """Yield connection ids until the time is over."""
        for connection_id in itertools.cycle(CONNECTION_IDS):
            if self.over:
                return
            yield connection_id

    def sample(self, posts: int) -> Sample:
        return Sample(posts, time.perf_counter() - self._started, cpu_seconds() - self._cpu)


def cpu_seconds() -> float:
    """Return the CPU time of this process so far, user's and system's."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ours(
    task: Task,
    window: int = WINDOW,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Sample:
    """The product's client, entered as a delivery enters it: one send for each page of recipients."""
    from chalicelib.aws.connections_api import ConnectionsApi
    from chalicelib.aws.http import HttpClient
    from chalicelib.connections.connection import Recipient
    from chalicelib.connections.messages import Message, Outcome

    in_an_hour = int(time.time()) + 3600
    recipients = [
        Recipient(connection_id, "abcdef1234", "prod", in_an_hour) for connection_id in CONNECTION_IDS
    ]
    message = Message(BODY, while_token_lasts=True)
    pages = [recipients[start : start + PAGE] for start in range(0, len(recipients), PAGE)]

    def delivered(outcome: Outcome) -> int:
        if len(outcome.delivered) != PAGE or outcome.retried:
            raise RuntimeError(f"posts went wrong: {outcome.retried} retried, {outcome.failed[:3]}")
        return PAGE

    async def measure() -> Sample:
        http = HttpClient(tls=lambda: ssl.create_default_context(cafile=task.certificate))
        api = ConnectionsApi(http, task.url, REGION, _keys, window=window)
        await api.send(
            message, pages[0], within=60
        )  # opens connections, not all in time where there are many
        stopwatch = Stopwatch(task)
        posts = 0
        for page in itertools.cycle(pages):
            if stopwatch.over:
                break
            posts += delivered(await api.send(message, page, within=60))
        sample = stopwatch.sample(posts)
        await api.close()
        return sample

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(measure())


def ours_on_uvloop(task: Task) -> Sample:
    """The product's client on libuv's event loop, which the product does without."""
    import uvloop

    return ours(task, loop_factory=uvloop.new_event_loop)


def boto3_one_at_a_time(task: Task) -> Sample:
    """What Chalice's ``websocket_api.send`` does."""
    client = _boto3_client(task, max_pool_connections=10)
    _post(client, CONNECTION_IDS[0])
    stopwatch = Stopwatch(task)
    posts = 0
    for connection_id in stopwatch.ids():
        _post(client, connection_id)
        posts += 1
    return stopwatch.sample(posts)


def boto3_threads(task: Task) -> Sample:
    """boto3 with as many threads as Python's own executor has at most, and a connection for each."""
    client = _boto3_client(task, max_pool_connections=THREADS)
    everyone_in = threading.Barrier(THREADS)

    def open_a_connection(connection_id: str) -> None:
        everyone_in.wait()
        _post(client, connection_id)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(open_a_connection, CONNECTION_IDS[:THREADS]))
        stopwatch = Stopwatch(task)

        def post_until_over(first: int) -> int:
            posts = 0
            for connection_id in itertools.cycle(CONNECTION_IDS[first::THREADS]):
                if stopwatch.over:
                    break
                _post(client, connection_id)
                posts += 1
            return posts

        posts = sum(threads.map(post_until_over, range(THREADS)))
        return stopwatch.sample(posts)


def aiobotocore(task: Task) -> Sample:
    """Botocore on aiohttp."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    async def measure() -> Sample:
        async with get_session().create_client(
            "apigatewaymanagementapi",
            endpoint_url=task.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            aws_session_token=TOKEN,
            verify=str(task.certificate),
            config=AioConfig(max_pool_connections=WINDOW),
        ) as client:

            async def post(connection_id: str) -> None:
                await client.post_to_connection(ConnectionId=connection_id, Data=BODY)

            return await _at_once(post, task)

    return asyncio.run(measure())


def aiohttp(task: Task) -> Sample:
    """A general HTTP client, with the product's signatures."""
    from aiohttp import ClientSession, TCPConnector
    from yarl import URL

    signed = _signed(task.url)
    origin = task.url.removesuffix(urlsplit(task.url).path)

    async def measure() -> Sample:
        connector = TCPConnector(limit=WINDOW, ssl=ssl.create_default_context(cafile=task.certificate))
        async with ClientSession(
            connector=connector, skip_auto_headers=["User-Agent", "Content-Type"]
        ) as session:

            async def post(connection_id: str) -> None:
                lines = signed.to(connection_id).decode().split("\r\n")
                path = lines[0].split(" ")[1]
                headers = dict(line.split(": ", 1) for line in lines[2:-2])  # all but Host
                url = URL(origin + path, encoded=True)
                async with session.post(url, data=BODY, headers=headers) as answer:
                    await answer.read()
                    answer.raise_for_status()

            return await _at_once(post, task)

    return asyncio.run(measure())


CANDIDATES: dict[str, Callable[[Task], Sample]] = {
    "ours": ours,
    "ours, 512 in flight": lambda task: ours(task, 512),
    "ours, on uvloop": ours_on_uvloop,
    "boto3, one at a time": boto3_one_at_a_time,
    "boto3, 32 threads": boto3_threads,
    "aiobotocore": aiobotocore,
    "aiohttp": aiohttp,
}


def request(url: str, connection_id: str) -> bytes:
    """Return a post as our client sends it."""
    return _signed(url).to(connection_id)


def _signed(url: str) -> "SignedRequests":
    from chalicelib.aws.connections_api import connections_endpoint
    from chalicelib.aws.sigv4 import SignedRequests

    signing = "execute-api", REGION, _keys(), time.time, "POST"
    endpoint = connections_endpoint(url, REGION, "abcdef1234", "prod")
    return SignedRequests(*signing, endpoint, "/@connections/", BODY)


def _keys() -> "Keys":
    from chalicelib.settings import Keys

    return Keys(ACCESS_KEY, SECRET_KEY, TOKEN)


def _boto3_client(task: Task, max_pool_connections: int) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=task.url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        aws_session_token=TOKEN,
        verify=str(task.certificate),
        config=Config(max_pool_connections=max_pool_connections),
    )


def _post(client: Any, connection_id: str) -> None:
    client.post_to_connection(ConnectionId=connection_id, Data=BODY)


async def _at_once(post: Callable[[str], Any], task: Task) -> Sample:
    """Keep as many posts in flight as our client does."""
    await asyncio.gather(*(post(connection_id) for connection_id in CONNECTION_IDS[:WINDOW]))
    stopwatch = Stopwatch(task)
    ids = stopwatch.ids()

    async def worker() -> int:
        posts = 0
        for connection_id in ids:
            await post(connection_id)
            posts += 1
        return posts

    posts = sum(await asyncio.gather(*(worker() for _ in range(WINDOW))))
    return stopwatch.sample(posts)


@click.command(help=__doc__)
@click.argument("name", type=click.Choice(list(CANDIDATES)))
@click.option("--url", required=True)
@click.option("--certificate", required=True, type=click.Path(path_type=Path))
@click.option("--seconds", required=True, type=float)
@click.option("--first", is_flag=True)
def main(name: str, url: str, certificate: Path, seconds: float, *, first: bool) -> None:
    sample = CANDIDATES[name](Task(url, certificate, seconds, first))
    click.echo(json.dumps([sample.posts, sample.seconds, sample.cpu_seconds]))


if __name__ == "__main__":
    main()

"""From POST to the last of N clients, on one machine: `make bench-end-to-end`.

Ours is the local gateway as `make run` starts it: a REST function, DynamoDB transactions, the table's stream,
a broadcast function that posts to @connections. It is compared with a conventional server, one Node.js
process with express, ws and SQLite. Both are up in the same run with a crowd each, and take turns. What is
reported is the median of the rounds, and what ours is made of: until the POST is answered, from there to
the first client (stream and audience), from the first client to the last (posting).
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import httpx

from benchmarks.end_to_end.servers import Server, one_process, ours

RESULTS = Path(__file__).parent.parent / "results"
SERVERS = {"ours": ours, "one Node.js process": one_process}


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians over the rounds, in milliseconds from the moment before the POST was sent."""

    server: str
    clients: int
    answered_ms: float
    first_ms: float
    median_ms: float
    last_ms: float


class Contender:
    """A server with its crowd."""

    def __init__(self, name: str, server: Server, crowd: "subprocess.Popen[str]", http: httpx.Client) -> None:
        self.name = name
        self._server = server
        self._crowd = crowd
        self._http = http
        self._headers = {"Authorization": f"Bearer {server.token('admin')}"}

    def round(self) -> tuple[float, float, float, float]:
        """Start a night; return the seconds until answered, first, median and last client."""
        assert self._crowd.stdin is not None
        assert self._crowd.stdout is not None
        begins = time.monotonic()
        self._crowd.stdin.write(f"{begins}\n")
        self._crowd.stdin.flush()
        url = f"{self._server.rest_url}/api/sessions"
        self._http.post(url, json={"notes": "Friday Game Night"}, headers=self._headers).raise_for_status()
        answered = time.monotonic() - begins
        heard = json.loads(self._crowd.stdout.readline())
        return answered, heard["first"], heard["median"], heard["last"]


@contextmanager
def contender(name: str, clients: int, folder: Path) -> Iterator[Contender]:
    """Run a server and let its crowd in."""
    with SERVERS[name](folder) as server, httpx.Client(timeout=60) as http:
        command = [sys.executable, "-m", "benchmarks.end_to_end.crowd", server.websocket_url, str(clients)]
        with subprocess.Popen(
            [*command, server.token("bot")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as crowd:
            assert crowd.stdin is not None
            assert crowd.stdout is not None
            try:
                if crowd.stdout.readline() != "in\n":
                    raise click.ClickException(f"The {clients} clients did not all get in to {name}.")
                yield Contender(name, server, crowd, http)
            finally:
                crowd.stdin.close()


def compare(clients: int, rounds: int) -> list[Figure]:
    """Return a figure for each server, from rounds that they took in turn."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        contenders = []
        for name in SERVERS:
            click.echo(f"\r{clients:6} clients go in to {name:<30}", nl=False, err=True)
            contenders.append(stack.enter_context(contender(name, clients, Path(scratch) / name[:4])))
        taken: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in SERVERS}
        for number in range(rounds + 1):
            click.echo(f"\r{clients:6} clients, round {number} of {rounds} {'':<30}", nl=False, err=True)
            for one in contenders:
                figures = one.round()
                if number:  # the first round finds everything cold
                    taken[one.name].append(figures)
        click.echo("\r" + " " * 60 + "\r", nl=False, err=True)
    return [
        Figure(name, clients, *(statistics.median(column) * 1000 for column in zip(*all_, strict=True)))
        for name, all_ in taken.items()
    ]


@click.command(help=__doc__)
@click.option("--clients", "sizes", multiple=True, type=int, default=(10, 100, 1000, 5000), show_default=True)
@click.option("--rounds", default=7, show_default=True, help="Nights that are started on each server.")
@click.option("--results", type=click.Path(path_type=Path), default=RESULTS, help="Where the figures go.")
def main(sizes: Sequence[int], rounds: int, results: Path) -> None:
    figures: list[Figure] = []
    columns = "".join(f" {name:>9}" for name in ("answered", "first", "median", "last"))
    click.echo(f"{'clients':>7}  {'':20}{columns}   ms after the POST was sent")
    for clients in sizes:
        both = compare(clients, rounds)
        for one in both:
            times = (one.answered_ms, one.first_ms, one.median_ms, one.last_ms)
            click.echo(f"{clients:7}  {one.server:20}" + "".join(f" {time_:9.1f}" for time_ in times))
        click.echo(f"{'':9}the last client hears ours {both[0].last_ms / both[1].last_ms:.1f} times as late")
        figures += both
    results.mkdir(parents=True, exist_ok=True)
    (results / "end_to_end.json").write_text(json.dumps([asdict(one) for one in figures], indent=2) + "\n")
    click.echo(f"Wrote {results / 'end_to_end.json'}.")


if __name__ == "__main__":
    main()

"""A long night on one machine: does anything get lost, and does memory stay flat?  `make soak`.

Many authenticated clients follow one night on the local gateway as `make run` starts it. Games are added and
votes counted while connections are cut without a word and come back with their cursors. At the end every
client must have every event, and the gateway and its functions together may use at most 1.1 times the memory
in the last quarter that they did in the second. The command ends with status 1 where that is not so. The
engine's memory is shown beside it and grows: it remembers each transaction's token for ten minutes, as
DynamoDB does.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx
import psutil

from tests.gateway import running_gateway

RESULTS = Path(__file__).parent.parent / "results"
ENGINE = "engine/child.py"
"""What the command line of the embedded engine has in it."""

GROWTH = 1.1
"""The last quarter's memory may be this many times the second quarter's."""


@dataclass(slots=True)
class Soak:
    """What a run showed. ``memory``: seconds, MB of the gateway with its functions, of the engine."""

    clients: int
    events: int
    seconds: float
    lost: int
    counts: dict[str, int]
    delay_ms: dict[str, float]
    memory: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Return the last quarter's memory as a multiple of the second quarter's."""
        quarter = max(1, len(self.memory) // 4)
        second = [mb for _, mb, _ in self.memory[quarter : 2 * quarter]]
        last = [mb for _, mb, _ in self.memory[-quarter:]]
        return statistics.median(last) / statistics.median(second or last)


class Memory:
    """Resident memory of a process and all that it has started, sampled each second."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.samples: list[tuple[float, float, float]] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sample for as long as the block takes."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(1.0):
            ours = engine = 0
            for process in [self._root, *self._root.children(recursive=True)]:
                try:
                    size = process.memory_info().rss
                    if any(ENGINE in word for word in process.cmdline()):
                        engine += size
                    else:
                        ours += size
                except psutil.NoSuchProcess:  # an environment that was closed since
                    continue
            seconds = round(time.monotonic() - self._began, 1)
            self.samples.append((seconds, round(ours / 1e6, 1), round(engine / 1e6, 1)))


class Crowd:
    """The clients, in a process of their own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def tell(self, what: dict[str, object]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return json.loads(self.line())


def soak(  # noqa: PLR0913 - what a night is made of, and where
    clients: int,
    events: int,
    churn: float,
    seconds: float,
    *,
    environment: Mapping[str, str] | None = None,
    show: bool = True,
) -> Soak:
    """Run a night of so many events, spread over ``seconds``, with ``churn`` connections lost each second.

    ``environment`` is the gateway's, beside this process's. No other gateway may be on the same tables.
    """
    with tempfile.TemporaryDirectory() as folder, running_gateway(Path(folder), environment) as gateway:
        headers = {"Authorization": f"Bearer {gateway.token('admin')}"}
        with httpx.Client(base_url=gateway.rest_url, headers=headers, timeout=60) as http:
            night = http.post("/api/sessions", json={"notes": "A long one"}).raise_for_status().json()["id"]
            command = [sys.executable, "-m", "benchmarks.soak.crowd", gateway.websocket_url, str(clients)]
            command += [gateway.token("bot"), str(night), str(churn)]
            memory = Memory(gateway.process.pid)
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdin is not None
                crowd = Crowd(process)
                try:
                    _say(show, f"{clients} clients go in")
                    if crowd.line() != "in\n":
                        raise click.ClickException("The clients did not all get in.")
                    began = time.monotonic()
                    with memory.watched():
                        for number in range(2, events + 1):  # the start of the night was the first
                            _pause(began + (number - 1) * seconds / events)
                            crowd.tell({"asked": number})
                            _happens(http, night, number)
                            _say(show, f"event {number} of {events}")
                        told = crowd.tell({"wait": events, "seconds": 120 + seconds})
                    took = time.monotonic() - began
                finally:
                    process.stdin.close()
    delays = told["delays"] or [0.0]
    quantiles = {"p50": 0.5, "p99": 0.99, "last": 1.0}
    delay_ms = {
        name: delays[min(len(delays) - 1, int(at * len(delays)))] * 1000 for name, at in quantiles.items()
    }
    return Soak(clients, events, took, told["missing"], told["counts"], delay_ms, memory.samples)


def _happens(http: httpx.Client, night: int, number: int) -> None:
    """Let one event be logged: a game, or a vote."""
    if number % 20 == 2:
        body: dict[str, object] = {"title": f"Game {number}"}
        http.post(f"/api/sessions/{night}/games", json=body).raise_for_status()
    else:
        body = {"username": f"voter {number % 7}", "type": "up" if number % 3 else "down"}
        http.post(f"/api/sessions/{night}/votes", json=body).raise_for_status()


def _pause(until: float) -> None:
    time.sleep(max(0.0, until - time.monotonic()))


def _say(show: bool, text: str) -> None:  # noqa: FBT001 - what every caller has been told
    if show and sys.stderr.isatty():
        click.echo(f"\r{text:<40}\r", nl=False, err=True)


@click.command(help=__doc__)
@click.option("--clients", default=5000, show_default=True)
@click.option("--events", default=200, show_default=True)
@click.option("--churn", default=20.0, show_default=True, help="Connections that are lost each second.")
@click.option("--seconds", default=480.0, show_default=True, help="Over which the events are spread.")
@click.option("--results", type=click.Path(path_type=Path), default=RESULTS, help="Where the figures go.")
def main(clients: int, events: int, churn: float, seconds: float, results: Path) -> None:
    report = soak(clients, events, churn, seconds)
    _say(show=True, text="")
    click.echo(f"{report.clients} clients, {report.events} events, {report.seconds:.0f} s")
    for what, count in sorted(report.counts.items()):
        click.echo(f"{count:10,}  {what}")
    click.echo(f"{report.lost:10,}  lost")
    delays = ", ".join(f"{name} {ms:,.0f}" for name, ms in report.delay_ms.items())
    click.echo(f"live, ms after the POST was sent: {delays}")
    click.echo(f"memory, the last quarter to the second: {report.growth:.2f} (bar {GROWTH})")
    results.mkdir(parents=True, exist_ok=True)
    figures = {**asdict(report), "growth": round(report.growth, 3)}
    (results / "soak.json").write_text(json.dumps(figures) + "\n")
    click.echo(f"Wrote {results / 'soak.json'}.")
    if report.lost or report.counts.get("holes") or report.growth > GROWTH:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

"""How fast one core posts one body to many connections: `make bench-fanout`.

One core has the client, another an nginx that answers 200 on loopback, plain and over TLS, at once and
late. The candidates go in turn within each round, so that a slow moment of the machine hits all of them;
what is reported is each one's median. Each measurement waits until nothing else uses the two cores, and is
taken again where something did meanwhile, as long as patience lasts. Ends with status 1 where our client
is below its bar.
"""

import itertools
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.fanout import chart, results
from benchmarks.fanout.clients import CANDIDATES, Sample, Task
from benchmarks.fanout.cores import Watch, go_first, pinned, two_cores
from benchmarks.fanout.results import LIMIT, Figure
from benchmarks.fanout.sink import Missing, Sink, program, running_sink
from benchmarks.fanout.wrk import wrk

RESULTS = Path(__file__).parent.parent / "results"
LATE_MS = 10
QUIET = 0.04
"""The share of the cores' time that others may have in a sample that is not taken again."""

LOOK_SECONDS = 0.3
"""How long the cores have to be quiet before a measurement begins."""

CRASHES = 2
"""How often a candidate may crash before the run does: 32 threads in OpenSSL did, once in a hundred times."""

ONLY_AT_ONCE = {"ours, on uvloop"}
ONLY_LATE = {"ours, 512 in flight"}


def measure(client: str, task: Task) -> Sample:
    """Run one candidate in a process of its own."""
    if client == LIMIT:
        return wrk(task)
    command = [sys.executable, "-m", "benchmarks.fanout.clients", client, "--url", task.url]
    command += ["--certificate", str(task.certificate), "--seconds", str(task.seconds)]
    command += ["--first"] if task.first else []
    for _ in range(CRASHES + 1):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return Sample(*json.loads(done.stdout))
        if done.returncode > 0:
            break
        click.echo(f"{client} was ended by signal {-done.returncode}", err=True)
    raise click.ClickException(f"{client} failed with status {done.returncode}:\n{done.stderr}")


@dataclass(slots=True)
class Bench:
    """A sink that is up, and ``patience``, in seconds, with other work on the two cores."""

    sink: Sink
    cores: tuple[int, int]
    seconds: float
    patience: float
    first: bool

    def sample(self, client: str, *, tls: bool, late: bool) -> tuple[Sample, float]:
        """Measure while nobody else uses the cores, as far as patience allows.

        Returns the sample that others disturbed least, whatever it says, and the share that they took.
        """
        task = Task(self.sink.url(tls=tls, late=late), self.sink.certificate, self.seconds, self.first)
        if self.first:  # nobody can disturb
            return measure(client, task), 0.0
        taken: list[tuple[float, Sample]] = []
        while True:
            started = time.monotonic()
            while time.monotonic() - started < self.patience and self._others_now() > QUIET:
                pass
            self.patience -= time.monotonic() - started
            watch = Watch(self.cores, self.sink.pid)
            started = time.monotonic()
            sample = measure(client, task)
            taken.append((watch.others(), sample))
            if taken[-1][0] <= QUIET or self.patience <= 0:
                break
            self.patience -= time.monotonic() - started
        others, sample = min(taken, key=lambda one: one[0])
        return sample, others

    def _others_now(self) -> float:
        watch = Watch(self.cores, self.sink.pid)
        time.sleep(LOOK_SECONDS)
        return watch.others()


def measure_all(rounds: int, seconds: float, patience: float, *, first: bool) -> tuple[list[Figure], float]:
    """Measure every candidate in every setting, and say how far it is.

    Returns the figures, and the share of the cores' time that other work took meanwhile.
    """
    client_core, sink_core = two_cores()
    samples: dict[tuple[int, bool, str], list[Sample]] = defaultdict(list)
    disturbances = []
    with running_sink(sink_core, LATE_MS) as sink, pinned(client_core):
        if first:
            go_first(sink.pid)
        bench = Bench(sink, (client_core, sink_core), seconds, patience, first)
        for number, late_ms, tls in itertools.product(range(1, rounds + 1), (0, LATE_MS), (False, True)):
            for client in candidates(late_ms):
                sample, others = bench.sample(client, tls=tls, late=late_ms > 0)
                samples[late_ms, tls, client].append(sample)
                disturbances.append(others)
                click.echo(
                    f"round {number} of {rounds}, {'TLS' if tls else 'plain':5}, {late_ms:2} ms late: "
                    f"{client:22}{sample.posts / sample.seconds:10,.0f} posts/s"
                    + (f"   (others had {others:.0%} of the cores)" if others > QUIET else ""),
                    err=True,
                )
    figures = [
        results.figure(client, taken, tls=tls, latency_ms=late_ms)
        for (late_ms, tls, client), taken in samples.items()
    ]
    return figures, statistics.mean(disturbances)


def candidates(late_ms: int) -> Sequence[str]:
    """Return who takes part in one table."""
    without = ONLY_AT_ONCE if late_ms else ONLY_LATE
    return [client for client in (*CANDIDATES, LIMIT) if client not in without]


@click.command(help=__doc__)
@click.option("--rounds", default=7, show_default=True, help="How often each candidate is measured.")
@click.option("--seconds", default=1.0, show_default=True, help="How long each measurement takes.")
@click.option("--results", "folder", default=RESULTS, type=click.Path(path_type=Path), help="Where to write.")
@click.option("--patience", default=300.0, show_default=True, help="How many seconds to spend on quiet.")
@click.option("--first", is_flag=True, help="Let other work on the two cores wait meanwhile. Needs root.")
def main(rounds: int, seconds: float, folder: Path, patience: float, *, first: bool) -> None:
    try:
        program("wrk", "wrk")
        figures, others = measure_all(rounds, seconds, patience, first=first)
    except Missing as missing:
        raise click.ClickException(str(missing)) from missing
    results.write(figures, folder / "fanout.json")
    chart.draw(figures, folder / "fanout.png")
    for late_ms in (0, LATE_MS):
        click.echo("\n".join(["", *results.table(figures, late_ms)]))
    meanwhile = "waited while a client was measured" if first else f"had {others:.0%} of their time meanwhile"
    click.echo(f"\nOther work on the two cores {meanwhile}.\n")
    verdicts = list(results.verdicts(figures))
    for _, line in verdicts:
        click.echo(line)
    if not all(met for met, _ in verdicts):
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Makes figures of what was measured: medians, ratios, the targets, a table, a file."""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.fanout.clients import Sample

OURS = "ours"
LIMIT = "wrk"
USUAL = "boto3, 32 threads"


@dataclass(frozen=True, slots=True)
class Figure:
    """One client against one kind of sink. ``latency_ms`` is what was added to each answer."""

    client: str
    tls: bool
    latency_ms: int
    posts_per_second: float
    cpu_us_per_post: float


@dataclass(frozen=True, slots=True)
class Bar:
    """How many times another client's posts per second ours must reach, without added latency."""

    other: str
    tls: bool
    least: float

    def reached(self, figures: Sequence[Figure]) -> float:
        """Return the ratio that was measured."""
        rate = {(figure.client, figure.tls): figure for figure in figures if not figure.latency_ms}
        return rate[OURS, self.tls].posts_per_second / rate[self.other, self.tls].posts_per_second


BARS = (Bar(USUAL, tls=False, least=25), Bar(LIMIT, tls=False, least=1 / 4), Bar(USUAL, tls=True, least=20))


def figure(client: str, samples: Sequence[Sample], *, tls: bool, latency_ms: int) -> Figure:
    """Return the medians of one client's rounds."""
    return Figure(
        client,
        tls,
        latency_ms,
        round(statistics.median(sample.posts / sample.seconds for sample in samples), 1),
        round(statistics.median(sample.cpu_seconds / sample.posts * 1e6 for sample in samples), 2),
    )


def table(figures: Sequence[Figure], latency_ms: int) -> Iterator[str]:
    """Yield the lines of one table: every client, plain and over TLS."""
    late = f"each answer {latency_ms} ms late" if latency_ms else "answers at once"
    yield f"{late:24}{'plain':>42}{'TLS':>44}"
    columns = f"{'posts/s':>12}{'CPU us':>10}{'x boto3':>10}{'of wrk':>10}"
    yield f"{'':24}{columns}  {columns}"
    rows = {(one.client, one.tls): one for one in figures if one.latency_ms == latency_ms}
    for client in dict.fromkeys(client for client, _ in rows):
        cells = []
        for tls in (False, True):
            one, usual, limit = rows[client, tls], rows[USUAL, tls], rows[LIMIT, tls]
            cells.append(
                f"{one.posts_per_second:12,.0f}{one.cpu_us_per_post:10.1f}"
                f"{one.posts_per_second / usual.posts_per_second:10.1f}"
                f"{one.posts_per_second / limit.posts_per_second:10.2f}"
            )
        yield f"{client:24}{'  '.join(cells)}"


def verdicts(figures: Sequence[Figure]) -> Iterator[tuple[bool, str]]:
    """Yield whether each bar is reached, and a line that says by how much."""
    for bar in BARS:
        reached = bar.reached(figures)
        how = "over TLS" if bar.tls else "plain"
        met = reached >= bar.least
        yield (
            met,
            f"ours is {reached:.2f} x {bar.other}, {how}; the bar is {bar.least:.2f}: "
            + ("reached" if met else "MISSED"),
        )


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures as a list of JSON objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in figures], indent=2) + "\n")

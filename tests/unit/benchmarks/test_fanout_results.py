import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fanout.clients import Sample
from benchmarks.fanout.results import Figure, figure, table, verdicts, write


def figures(ours: float, ours_over_tls: float, *, late: float = 1.0) -> list[Figure]:
    rates = {"ours": ours, "boto3, 32 threads": 1000.0, "wrk": 90_000.0}
    measured = [(False, 0, rates), (True, 0, rates | {"ours": ours_over_tls})]
    measured += [(tls, 10, dict.fromkeys(rates, late)) for tls in (False, True)]
    return [
        Figure(client, tls, latency_ms=latency, posts_per_second=rate, cpu_us_per_post=9.0)
        for tls, latency, all_rates in measured
        for client, rate in all_rates.items()
    ]


def met(measured: Sequence[Figure]) -> list[bool]:
    return [reached for reached, _ in verdicts(measured)]


def test_each_figure_is_the_median_of_its_rounds() -> None:
    samples = [Sample(100, 1.0, 0.001), Sample(300, 1.0, 0.009), Sample(400, 2.0, 0.004)]

    one = figure("ours", samples, tls=True, latency_ms=10)

    assert one == Figure("ours", tls=True, latency_ms=10, posts_per_second=200.0, cpu_us_per_post=10.0)


def test_the_bars_are_25_times_boto3_quarter_wrk_20_tls() -> None:
    assert met(figures(25_000, 20_000)) == [True, True, True]
    assert met(figures(24_999, 20_000)) == [False, True, True]
    assert met(figures(22_499, 19_999)) == [False, False, False]


def test_the_bar_is_about_answers_that_come_at_once() -> None:
    assert met(figures(40_000, 25_000, late=0.1)) == met(figures(40_000, 25_000, late=1e6))


def test_a_table_has_each_client_with_its_ratios() -> None:
    lines = list(table(figures(45_000, 30_000), latency_ms=0))

    assert [line.split("  ")[0] for line in lines[2:]] == ["ours", "boto3, 32 threads", "wrk"]
    assert lines[2].split() == ["ours", "45,000", "9.0", "45.0", "0.50", "30,000", "9.0", "30.0", "0.33"]


def test_the_file_is_a_list_of_figures(tmp_path: Path) -> None:
    write(figures(40_000, 25_000)[:1], tmp_path / "new" / "fanout.json")

    [written] = json.loads((tmp_path / "new" / "fanout.json").read_text())
    assert written == {
        "client": "ours",
        "tls": False,
        "latency_ms": 0,
        "posts_per_second": 40_000,
        "cpu_us_per_post": 9.0,
    }

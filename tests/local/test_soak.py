import pytest

from benchmarks.soak.__main__ import soak


@pytest.mark.slow
@pytest.mark.timeout(400)  # it waits up to two minutes for those who are late
def test_a_night_with_connections_that_break_all_the_time_loses_nothing(
    new_engine: dict[str, str],
) -> None:
    report = soak(clients=60, events=25, churn=6, seconds=8, environment=new_engine, show=False)

    assert report.lost == 0
    assert report.counts["came back"] > 10
    assert report.counts["live"] > 0
    assert report.counts.keys() <= {"connections lost", "came back", "live", "replayed", "twice"}
    assert len(report.memory) > 4

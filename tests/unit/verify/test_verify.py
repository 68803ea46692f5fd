from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from infra.cli.stage import options
from infra.cli.stage import verify as command
from infra.deploy.verify import cost
from infra.deploy.verify.finding import Finding, NotMeasured, Verdict, judged
from infra.deploy.verify.measures import conformance
from infra.deploy.verify.service import Service
from infra.deploy.verify.verify import MEASURES, Measure, report, verify
from tests.fakes.progress import said
from tests.unit.verify.stage import service

TOKEN = f"eyJ{'a' * 20}.eyJ{'b' * 20}.{'c' * 40}"
OPTIONS = """
def pytest_addoption(parser):
    for one in ("rest-url", "websocket-url", "token-command"):
        parser.addoption(f"--{one}")
"""
SUITE = """
def test_url(pytestconfig):
    assert pytestconfig.getoption("--rest-url") == "http://there"
"""


def holds(_: Service) -> Finding:
    return judged("as promised", holds=True)


def differs(_: Service) -> Finding:
    return judged("otherwise", holds=False)


def fails(_: Service) -> Finding:
    raise OSError(f"arn:aws:iam::123456789012:role|{TOKEN}\nfailed")


def refuses(_: Service) -> Finding:
    raise NotMeasured("not here")


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Measure]:
    """No measure but those that a test puts here."""
    for name in [*MEASURES]:
        monkeypatch.delitem(MEASURES, name)
    return MEASURES


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Service:
    """What the command finds."""
    found = service()
    monkeypatch.setattr(options, "_target", lambda *_: found.target)
    monkeypatch.setattr(command, "minted", lambda *_: TOKEN)
    monkeypatch.setattr(command, "service_of", lambda *_: found)
    return found


def test_a_measure_that_fails_is_a_line_of_the_report(measures: dict[str, Measure]) -> None:
    measures |= {"a": Measure("A", fails), "b": Measure("B", refuses), "c": Measure("C", holds)}
    measures["d"] = Measure("D", holds, long=True)
    stage = service()

    lines = [*report(stage.target, verify(stage, long=False))]

    assert lines[0].startswith("## Verified: version ")
    assert lines[4:] == [
        "| a | A | not measured | OSError: arn:aws:iam::(account):role/(a token) failed |",
        "| b | B | not measured | not here |",
        "| c | C | holds | as promised |",
        "| d | D | not measured | `--long` measures it |",
    ]


@pytest.mark.parametrize(("measure", "status"), [(holds, 0), (refuses, 0), (differs, 1)])
def test_the_command_reports_and_ends_with_a_status(
    measure: Any, status: int, measures: dict[str, Measure], stage: Service, tmp_path: Path
) -> None:
    measures["a"] = Measure("A", measure)
    kept = tmp_path / "report.md"

    done = CliRunner().invoke(command.verify, ["--stage", "dev", "--yes", "--output", str(kept)])

    assert done.exit_code == status
    assert "| a | A |" in kept.read_text()
    assert kept.read_text() in done.output
    assert said(stage.target.progress)[1:-2] == cost.lines()


def test_who_says_no_measures_nothing(measures: dict[str, Measure], stage: Service) -> None:
    measures["a"] = Measure("A", holds)

    done = CliRunner().invoke(command.verify, ["--stage", "dev"], input="n\n")

    assert done.exit_code == 1
    assert said(stage.target.progress)[-1] == cost.lines()[-1]


def test_it_costs_less_than_a_dollar() -> None:
    assert cost.dollars() < 1
    assert cost.lines()[-1].endswith(f"{cost.dollars():.4f}")


def test_the_suite_runs_against_the_stage(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(OPTIONS)
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE)

    passed = conformance(service(project=tmp_path), suite.name)
    suite.write_text("def test_no():\n    assert False\n")
    failed = conformance(service(project=tmp_path), suite.name)

    assert (passed.verdict, passed.text.split(" in ")[0]) == (Verdict.HOLDS, "1 passed")
    assert failed.verdict is Verdict.CONTRADICTED
    assert failed.text.startswith("1 failed in ")
    assert failed.text.endswith("FAILED test_suite.py::test_no")

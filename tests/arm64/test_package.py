"""Enters the package that is deployed under an arm64 Python, one handler after the other, as Lambda does."""

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cold_start.__main__ import KEYS
from benchmarks.cold_start.events import first_events
from benchmarks.cold_start.stub import Stub, running_stub
from infra.deploy.chalice.package import build
from tests.arm64.debian import arm64_python
from tests.gateway import ROOT

pytestmark = pytest.mark.rare

ENTER = """
import json, platform, sys
compiled = []
sys.addaudithook(lambda what, of: what == "compile" and compiled.append(str(of[1])))
import app
class Context:
    function_name = aws_request_id = "function"
    def get_remaining_time_in_millis(self):
        return 120000
_, name, event = sys.argv
answer = (app.app if name == "api_handler" else getattr(app, name))(json.loads(event), Context())
print("\\n" + json.dumps({"answer": answer, "machine": platform.machine(), "compiled": compiled}))
"""
NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
SERVED = {"statusCode": 200}
ANSWERS: dict[str, tuple[dict[str, Any] | None, int]] = {
    "api_handler": ({"statusCode": 201}, 0),
    "websocket_connect": (SERVED, 0),
    "websocket_message": (SERVED, 1),
    "websocket_disconnect": (SERVED, 0),
    "broadcast": (NOTHING_FAILED, 1),
    "deliver": (NOTHING_FAILED, 1),
    "sweep": (None, 0),
}
"""What each function answers to its first event, and how many messages it posts to connections."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return arm64_python(tmp_path_factory.mktemp("debian"))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked and read-only, as Lambda has it."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(build(ROOT, "arm64").path) as archive:
        archive.extractall(folder)
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555)
    return folder


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as stub:
        yield stub


def entered(python: tuple[str, ...], package: Path, name: str, stub: Stub) -> dict[str, Any]:
    environment = {**KEYS, "AWS_ENDPOINT_URL": stub.url, "PUSH_ENDPOINT": f"{stub.url}/{{stage}}"}
    environment |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": ""}
    command = [*python, "-c", ENTER, name, json.dumps(first_events()[name])]
    done = subprocess.run(command, env=environment, cwd=package, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["compiled"] = [one for one in found["compiled"] if one.startswith((str(package), "/var/task"))]
    return found


@pytest.mark.parametrize("name", ANSWERS)
def test_a_handler_runs_from_the_package(
    name: str, python: tuple[str, ...], package: Path, stub: Stub
) -> None:
    before = {*package.rglob("*")}

    found = entered(python, package, name, stub)

    if name == "api_handler":
        found["answer"] = {"statusCode": found["answer"]["statusCode"]}
    assert (found["machine"], found["answer"], stub.posts) == ("aarch64", *ANSWERS[name])
    assert found["compiled"] == []
    assert {*package.rglob("*")} == before


def test_what_is_compiled_anew_is_noticed(
    python: tuple[str, ...], package: Path, stub: Stub, tmp_path: Path
) -> None:
    copy = shutil.copytree(package, tmp_path / "task")
    shutil.rmtree(copy / "__pycache__")

    found = entered(python, copy, "sweep", stub)

    assert str(copy / "app.py") in found["compiled"]

"""The files that are served: what the generator makes of the code now, and valid by the published rules."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openapi_spec_validator import OpenAPIV31SpecValidator

from chalicelib.api.specifications import served as specifications
from infra.cli.dev import specs
from infra.specifications import client_types, files, protocol
from tests.installed import installed
from tests.node import packages
from tests.specifications.conftest import within

NODE = Path(__file__).parent / "node"


def test_the_files_are_what_the_code_says_now() -> None:
    made = files.made()

    assert {path: path.read_text() for path in made} == made, "run `make specs`"
    for name in protocol.TABLES:
        assert f"<!-- {name} -->\n|" in made[protocol.PAGE]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    monkeypatch.setattr(client_types, "JAVASCRIPT", tmp_path / "types.js")
    page = tmp_path / "protocol.md"
    page.write_text("# Tables\n\n<!-- errors -->\nas they were\n<!-- /errors -->\n")
    monkeypatch.setattr(protocol, "PAGE", page)
    monkeypatch.setattr(client_types, "PYTHON", tmp_path / "types.py")
    return tmp_path


def test_the_command_writes_and_can_check_only(elsewhere: Path) -> None:
    written = CliRunner().invoke(specs)
    assert written.exit_code == 0, written.output
    assert {path: path.read_text() for path in elsewhere.iterdir()} == files.made()
    assert "| `auth_timeout` |" in protocol.PAGE.read_text()
    (elsewhere / specifications.OPENAPI).write_text("{}")
    protocol.PAGE.write_text(protocol.PAGE.read_text().replace("auth_timeout", "auth_slow"))

    drifted = CliRunner().invoke(specs, ["--check"])

    assert drifted.exit_code == 1
    assert "openapi.json, protocol.md: not what the code says now. Run `make specs`." in drifted.output
    assert (elsewhere / specifications.OPENAPI).read_text() == "{}"


@pytest.mark.parametrize("name", [specifications.OPENAPI, specifications.ASYNCAPI])
def test_no_object_has_undocumented_members(name: str) -> None:
    document = json.loads((specifications.FOLDER / name).read_text())
    for schema in within(document["components"]["schemas"]):
        assert schema.get("type") != "object" or schema["additionalProperties"] is False


def test_the_openapi_document_is_valid(openapi: Any) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(openapi).iter_errors()] == []


def test_the_asyncapi_document_is_valid_by_asyncapis_own_parser() -> None:
    node = installed("node")
    document = specifications.FOLDER / specifications.ASYNCAPI

    validated = subprocess.run(
        [node, NODE / "validate.js", document],
        env={"NODE_PATH": str(packages(NODE))},
        capture_output=True,
        text=True,
        check=True,
    )

    verdict = json.loads(validated.stdout)
    assert verdict["parsed"]
    # What is less than a warning is advice, such as to move on to the newest version of AsyncAPI.
    assert [one for one in verdict["found"] if one["severity"] <= 1] == []

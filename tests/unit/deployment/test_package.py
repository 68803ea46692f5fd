import importlib.util
import sys
import zipfile
from pathlib import Path

import pytest

from infra.deployment.package import Package, compiled, finish, wanted


@pytest.mark.parametrize(
    "name",
    [
        "app.py",
        "chalicelib/page/page.html",
        "botocore/data/endpoints.json",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        "botocore/cacert.pem",
        "msgspec/_core.cpython-311-aarch64-linux-gnu.so",
        "msgspec-0.22.0.dist-info/licenses/LICENSE",
    ],
)
def test_what_a_function_needs_is_kept(name: str) -> None:
    assert wanted(name)


@pytest.mark.parametrize(
    "name",
    [
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "chalicelib/__pycache__/logs.cpython-311.pyc",
        "httptools/parser/parser.pyx",
        "msgspec-0.22.0.dist-info/RECORD",
    ],
)
def test_what_no_function_needs_is_left_out(name: str) -> None:
    assert not wanted(name)


def test_byte_code_is_used_without_a_look_at_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "quickly_started.py"
    source.write_text("raise RuntimeError('the source was used')\n")
    cached = Path(importlib.util.cache_from_source(str(source)))
    cached.parent.mkdir()
    cached.write_bytes(compiled("quickly_started.py", b"answer = 42\n"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    module = importlib.import_module("quickly_started")

    assert module.answer == 42
    del sys.modules["quickly_started"]


def package(path: Path, *names: str) -> Package:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x = 1\n")
    finish(path)
    return Package(path)


def test_the_same_content_is_the_same_package_in_whatever_order_it_came(tmp_path: Path) -> None:
    one = package(tmp_path / "1.zip", "app.py", "a/b.py")
    other = package(tmp_path / "2.zip", "a/b.py", "app.py", "a/c.pyc")

    assert one.sha256 == other.sha256
    assert one.contents().keys() == {"app.py", "a"}

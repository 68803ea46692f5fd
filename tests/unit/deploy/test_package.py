import hashlib
import importlib.util
import sys
import zipfile
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader
from chalice.deploy.packager import LambdaDeploymentPackager
from chalice.utils import UI, OSUtils

from chalicelib.page.served import files
from infra import ROOT
from infra.deploy.chalice.package import (
    KEPT_SERVICES,
    LockedWheels,
    Package,
    compiled,
    condensed,
    finish,
    wanted,
)
from infra.deploy.output import DeploymentError

UNUSED = (
    "botocore/data/ec2/2016-11-15/service-2.json.gz",
    "chalicelib/__pycache__/logs.cpython-311.pyc",
    "httptools/parser/parser.pyx",
    "msgspec-0.22.0.dist-info/RECORD",
    "bin/jp.py",
)


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
        *UNUSED,
    ],
)
def test_what_a_function_needs_is_kept(name: str) -> None:
    assert wanted(name) == (name not in UNUSED)


@pytest.fixture(scope="module")
def condensed_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    installed = Path(botocore.__file__).parent
    for one in [
        *installed.glob("data/*.json"),
        *(installed / "data").glob("dynamodb/*/*"),
        *(installed / "data").glob("ssm/*/*"),
    ]:
        name, content = condensed(f"botocore/{one.relative_to(installed)}", one.read_bytes())
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "botocore/data"


def client(service: str, region: str, data: Path | None = None) -> Any:
    session = botocore.session.Session()
    if data is not None:
        loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
        session.register_component("data_loader", loader)
    return session.create_client(service, region, aws_access_key_id="k", aws_secret_access_key="s")


def members(shape: Any) -> dict[str, str]:
    return {name: one.type_name for name, one in shape.members.items()}


@pytest.mark.parametrize("service", sorted(KEPT_SERVICES))
@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
def test_clients_call_the_same_without_what_is_left_out(
    condensed_data: Path, service: str, region: str
) -> None:
    ours = client(service, region, condensed_data)

    whole = client(service, region)
    assert ours.meta.endpoint_url == whole.meta.endpoint_url
    assert not ours.meta.service_model.documentation
    kept = KEPT_SERVICES[service] or {*whole.meta.service_model.operation_names}
    assert {*ours.meta.service_model.operation_names} == kept
    for operation in kept:
        shapes = [one.meta.service_model.operation_model(operation).input_shape for one in (ours, whole)]
        assert members(shapes[0]) == members(shapes[1])


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


def test_the_same_content_is_the_same_package(tmp_path: Path) -> None:
    one = package(tmp_path / "1.zip", "app.py", "a/b.py")
    other = package(tmp_path / "2.zip", "a/b.py", "app.py", "a/c.pyc")

    assert one.sha256 == other.sha256
    assert one.contents().keys() == {"app.py", "a"}


def test_only_wheels_with_the_pinned_hash_are_packed(tmp_path: Path) -> None:
    wheel = tmp_path / "six-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("six.py", "")
        archive.writestr("six-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: six\nVersion: 1\n")
        archive.writestr("six-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("six-1.dist-info/RECORD", "")
    requirements, wheels = tmp_path / "requirements.txt", LockedWheels(OSUtils())
    pinned = f"{wheel} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"

    requirements.write_text(pinned)
    wheels.build_site_packages("cp311", str(requirements), str(tmp_path / "good"))
    requirements.write_text(f"{wheel} --hash=sha256:{'0' * 64}")
    with pytest.raises(DeploymentError, match="has been replaced"):
        wheels.build_site_packages("cp311", str(requirements), str(tmp_path / "bad"))

    assert (tmp_path / "good" / "six.py").exists()
    assert not (tmp_path / "bad").exists()


def test_chalice_packs_every_file_of_the_page() -> None:
    packager = LambdaDeploymentPackager(OSUtils(), LockedWheels(OSUtils()), UI())

    packed = {name for _, name in packager._iter_app_filenames(str(ROOT))}

    assert {f"chalicelib/page/{name}" for name in files()} <= packed

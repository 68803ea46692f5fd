"""Builds the deployment package with Chalice's packager, and makes it small and quick to start.

Chalice looks in ``.chalice/deployments`` for a package of the same content. So the package is built and
rewritten there before ``chalice deploy`` runs.
"""

import gzip
import hashlib
import importlib.util
import json
import marshal
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from chalice.config import Config
from chalice.deploy.packager import DependencyBuilder, LambdaDeploymentPackager
from chalice.utils import UI, OSUtils

from infra.deploy.output import DeploymentError

LIMIT_BYTES = 50_000_000
"""AWS takes no larger package by upload."""

KEPT_SERVICES: dict[str, frozenset[str] | None] = {"dynamodb": None, "ssm": frozenset({"GetParameter"})}
"""The services that the functions call, and their operations; None is all. The descriptions of other services
would be four fifths of the package."""

UNUSED_SUFFIXES = (".pyc", ".c", ".h", ".pxd", ".pyi", ".pyx")
UNUSED_NAMES = ("RECORD", "INSTALLER", "REQUESTED")

COMPILED_APP = f"__pycache__/app.{importlib.util.cache_from_source('app.py').split('.', 1)[1]}"
"""A finished package has this file; one that Chalice has just built does not."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""One date for every file, so that the same content is the same package, byte for byte."""


@dataclass(frozen=True, slots=True)
class Package:
    """A finished package."""

    path: Path

    @property
    def sha256(self) -> str:
        """The content's hash, in hexadecimal digits."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def size(self) -> int:
        """How many bytes are uploaded for each function."""
        return self.path.stat().st_size

    def contents(self) -> dict[str, tuple[int, int]]:
        """Return the zipped and unzipped bytes of each top-level package in it."""
        zipped: Counter[str] = Counter()
        unzipped: Counter[str] = Counter()
        with zipfile.ZipFile(self.path) as archive:
            for one in archive.infolist():
                top = one.filename.split("/", 1)[0]
                top = "app.py" if top in {"app.py", "__pycache__"} else top
                zipped[top] += one.compress_size
                unzipped[top] += one.file_size
        return {top: (size, unzipped[top]) for top, size in zipped.most_common()}


class LockedWheels(DependencyBuilder):
    """Installs wheels whose hashes pip checks; Chalice's own builder checks none."""

    def build_site_packages(self, abi: str, requirements_filepath: str, target_directory: str) -> None:
        """Install what the requirements pin. Raises DeploymentError."""
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        pip += ["--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:"]
        pip += [part for name in self._get_pip_platforms(abi) for part in ("--platform", name)]
        pip += ["--implementation", "cp", "--python-version", abi.removeprefix("cp")]
        pip += ["--target", target_directory, "-r", requirements_filepath]
        asked = subprocess.run(pip, capture_output=True, text=True, check=False)
        if asked.returncode:
            raise DeploymentError(
                "pip could not install the wheels that requirements.txt pins. Nothing was deployed. "
                "If a version has no wheel for Lambda, pin one that has. If a file does not have the hash "
                "that is pinned, it has been replaced: don't trust the package index that you use. "
                f"pip said:\n{asked.stderr}"
            )


def build(project: Path, architecture: str) -> Package:
    """Build the package of a project, or return the one that is there. Raises DeploymentError."""
    # Chalice would pack, and hash, whatever has been imported here by chance.
    for folder in [*(project / "chalicelib").rglob("__pycache__")]:
        shutil.rmtree(folder, ignore_errors=True)
    files: Any = OSUtils()
    packager = LambdaDeploymentPackager(
        files, LockedWheels(files, architecture=architecture), UI(), architecture
    )
    python = Config().lambda_python_version
    path = Path(packager.deployment_package_filename(str(project), python))
    if not path.exists() or COMPILED_APP not in zipfile.ZipFile(path).namelist():
        path.unlink(missing_ok=True)
        finish(Path(packager.create_deployment_package(str(project), python)))
    package = Package(path)
    if package.size > LIMIT_BYTES:
        raise DeploymentError(
            f"The package has {package.size / 1e6:.1f} MB and AWS takes {LIMIT_BYTES / 1e6:.0f}. "
            "docs/deploying.md says what is in it."
        )
    return package


def finish(path: Path) -> None:
    """Rewrite a package in place: remove what no function needs, and add byte code."""
    draft = path.with_suffix(".draft")
    with (
        zipfile.ZipFile(path) as before,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as after,
    ):
        for name, content in sorted(_files(before)):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            after.writestr(entry, content, zipfile.ZIP_DEFLATED)
    draft.replace(path)


def wanted(name: str) -> bool:
    """Say whether a function needs a file of a package."""
    path = PurePosixPath(name)
    if path.suffix in UNUSED_SUFFIXES or path.name in UNUSED_NAMES or path.parts[0] == "bin":
        return False
    if path.parts[:2] == ("botocore", "data") and len(path.parts) > 3:  # noqa: PLR2004 - data/SERVICE/VERSION
        return path.parts[2] in KEPT_SERVICES
    return True


def condensed(name: str, content: bytes) -> tuple[str, bytes]:
    """Return a file of botocore's data without operations and texts that no function uses."""
    if not name.startswith("botocore/data/"):
        return name, content
    data = json.loads(gzip.decompress(content) if name.endswith(".gz") else content)
    if name == "botocore/data/endpoints.json":
        for partition in data["partitions"]:
            partition["services"] = {
                service: one for service, one in partition["services"].items() if service in KEPT_SERVICES
            }
    operations = KEPT_SERVICES.get(PurePosixPath(name).parts[2])
    if operations and "operations" in data:
        data["operations"] = {one: data["operations"][one] for one in operations}
        used = _shapes(data["operations"], data["shapes"])
        data["shapes"] = {shape: one for shape, one in data["shapes"].items() if shape in used}
    return name.removesuffix(".gz"), json.dumps(_without_prose(data), separators=(",", ":")).encode()


def compiled(name: str, source: bytes) -> bytes:
    """Return a module's byte code, which Python does not compare with the source.

    On Lambda the files have other dates and can't be written, so Python would compile usual byte code again
    at each cold start. Raises SyntaxError.
    """
    code = compile(source, f"/var/task/{name}", "exec", dont_inherit=True)
    # PEP 552: it has the source's hash, which is not checked
    flags = (1).to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + marshal.dumps(code)


def _files(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for packed in sorted(set(archive.namelist())):
        if packed.endswith("/") or not wanted(packed):
            continue
        name, content = condensed(packed, archive.read(packed))
        yield name, content
        if name.endswith(".py"):
            yield importlib.util.cache_from_source(name), compiled(name, content)


def _without_prose(data: Any) -> Any:
    if isinstance(data, dict):
        prose = isinstance(data.get("documentation"), str)
        return {key: _without_prose(data[key]) for key in data if not (prose and key == "documentation")}
    return [*map(_without_prose, data)] if isinstance(data, list) else data


def _shapes(data: Any, shapes: Mapping[str, Any]) -> set[str]:
    """Return the names of all shapes that a part of a description needs."""
    used: set[str] = set()
    parts = [data]
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            parts += part.values()
            shape = part.get("shape")
            if isinstance(shape, str) and shape not in used:
                used.add(shape)
                parts.append(shapes[shape])
    return used

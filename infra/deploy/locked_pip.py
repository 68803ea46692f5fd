"""Chalice's pip, held to the hashes in requirements.txt.

pip checks the hashes of what it downloads for the machine that deploys. The wheels for Lambda's own machines
Chalice asks for one by one, by name and version, and then nothing is checked unless it is here.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from chalice.deploy.packager import PipRunner, SubprocessPip
from chalice.utils import OSUtils

from infra.deploy.errors import DeploymentError


class LockedPip(PipRunner):
    """Downloads nothing that ``requirements.txt`` does not name by its hash. Raises DeploymentError."""

    def __init__(self, requirements: Path, files: OSUtils, pip: SubprocessPip | None = None) -> None:
        super().__init__(pip or SubprocessPip(files), files)
        self._hashes = hashes(requirements.read_text())

    def download_manylinux_wheels(
        self, abi: str, packages: list[str], directory: str, platforms: Any = None
    ) -> None:
        """Download wheels for Lambda's machines, as Chalice asks for them."""
        super().download_manylinux_wheels(abi, packages, directory, platforms)
        self._check(Path(directory))

    def download_sdists(self, packages: list[str], directory: str) -> None:
        """Download sources of what has no wheel."""
        super().download_sdists(packages, directory)
        self._check(Path(directory))

    def _check(self, directory: Path) -> None:
        for file in directory.iterdir():
            if hashlib.sha256(file.read_bytes()).hexdigest() not in self._hashes:
                raise DeploymentError(
                    f"{file.name} was downloaded and is not a file that requirements.txt names by its hash. "
                    "Nothing was deployed. If the version is new, run `make lock`; if not, the file has been "
                    "replaced, and the package index that you use is not to be trusted."
                )


def hashes(requirements: str) -> frozenset[str]:
    """Return every SHA-256 in a requirements file, in hexadecimal digits."""
    return frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", requirements))

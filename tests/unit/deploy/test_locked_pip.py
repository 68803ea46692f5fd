import hashlib
from pathlib import Path
from typing import Any

import pytest
from chalice.deploy.packager import SubprocessPip
from chalice.utils import OSUtils

from infra.deploy.errors import DeploymentError
from infra.deploy.locked_pip import LockedPip

WHEEL = b"what the wheel has always been"


class Index(SubprocessPip):
    """A pip that downloads one wheel, with whatever is in it today."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    def main(self, args: list[str], *_: Any, **__: Any) -> tuple[int, bytes, bytes]:
        (Path(args[args.index("--dest") + 1]) / "six-1.whl").write_bytes(self._content)
        return 0, b"", b""


def pip_with(content: bytes, folder: Path) -> LockedPip:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"six==1 \\\n    --hash=sha256:{hashlib.sha256(WHEEL).hexdigest()}\n")
    return LockedPip(requirements, OSUtils(), Index(content))


def test_a_wheel_that_the_requirements_name_is_taken(tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()

    pip_with(WHEEL, tmp_path).download_manylinux_wheels("cp311", ["six==1"], str(downloads))

    assert (downloads / "six-1.whl").read_bytes() == WHEEL


def test_one_that_somebody_has_replaced_stops_the_deployment(tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    pip = pip_with(b"something else", tmp_path)

    with pytest.raises(DeploymentError, match=r"six-1\.whl"):
        pip.download_manylinux_wheels("cp311", ["six==1"], str(downloads))
    with pytest.raises(DeploymentError, match="make lock"):
        pip.download_sdists(["six==1"], str(downloads))

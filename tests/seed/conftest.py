"""What the seed's programs need. Where Node.js is missing they are skipped, but not under CI."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.gateway import ROOT

NODE = Path(__file__).parent / "node"
CACHE = ROOT / ".local" / "seed-clients"


def installed(program: str) -> str:
    """Return the path of a program that Node.js brings, or skip what needs it."""
    path = shutil.which(program)
    if path is None:
        missing = f"{program} is not installed"
        if os.environ.get("CI"):
            pytest.fail(f"{missing}, and CI is where this has to run.")
        pytest.skip(missing)
    return path


@pytest.fixture(scope="session")
def node() -> str:
    return installed("node")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages of ``node/package-lock.json``, installed the first time."""
    npm = installed("npm")
    lock = NODE / "package-lock.json"
    modules = CACHE / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    if not modules.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            for manifest in (NODE / "package.json", lock):
                shutil.copy(manifest, scratch)
            install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(install, cwd=scratch, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"npm could not install the seed's packages:\n{done.stderr}"
            (Path(scratch) / "node_modules").rename(modules)
    return modules

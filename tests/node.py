"""The packages of Node.js, for what only they can show. ``installed`` finds Node.js itself."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.gateway import ROOT
from tests.installed import installed

CACHE = ROOT / ".local" / "node"


def packages(folder: Path) -> Path:
    """Return the ``node_modules`` of a folder's ``package-lock.json``, installed the first time."""
    npm = installed("npm")
    lock = folder / "package-lock.json"
    modules = CACHE / hashlib.sha256(lock.read_bytes()).hexdigest()[:16] / "node_modules"
    if not modules.is_dir():
        modules.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            for manifest in (folder / "package.json", lock):
                shutil.copy(manifest, scratch)
            install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(install, cwd=scratch, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"npm could not install the packages of {folder}:\n{done.stderr}"
            try:
                (Path(scratch) / "node_modules").rename(modules)
            except OSError:  # another process of the tests was faster
                assert modules.is_dir()
    return modules

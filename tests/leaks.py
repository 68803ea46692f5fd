"""Looks for secrets in all that a run of the suite logs, and fails the run that has one there.

A pytest plugin. It reads every record that is logged in this process, at whatever level is on, what tests
print, and the files that are handed to ``look``: what gateways, engines and bots of their own processes said.
A secret is known by its shape, such as a token's, or because somebody has told ``remember`` of it.
"""

import json
import logging
import os
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

SHAPES = {
    "a token": re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}"),
    "a bearer's Authorization": re.compile(r"\bBearer\s+[\w.~+/-]{16,}"),
    "an AWS Authorization": re.compile(r"AWS4-HMAC-SHA256 Credential=\S+"),
    "an AWS session token": re.compile(r"x-amz-security-token['\": =]+[\w+/=%-]{16,}", re.IGNORECASE),
}
WORD = re.compile(r"[\w-]{16,}")
"""What a secret is made of, or has a long part of; nothing that is shorter is one."""

FEW = 8
"""Different characters: what has no more, such as the ``xxxx`` of a test, is no secret."""

LOG_FILES = ("*.log", "*.jsonl*")
"""``gateway.log`` has what was printed; ``log.jsonl`` and ``log.jsonl.1`` all that was logged."""

BANNER = re.compile(r"Game Night Live is up\..*?-d '\{\"notes\": \"Friday Game Night\"\}'", re.DOTALL)
"""What `make run` prints for the person who runs it, with tokens to paste. It is no log."""


class Leaks:
    """What is secret, and which words were seen where. Each may come before the other."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._shapes: dict[tuple[str, str], str] = {}
        self._told: list[str] = []

    def remember(self, secret: str, what: str) -> None:
        """Take a value that may be in no log; of a token, its signature is what is secret."""
        secret = secret.rpartition(".")[2] if secret.startswith("eyJ") else secret
        for word in WORD.findall(secret):
            if len(set(word)) > FEW:
                self._secrets.setdefault(word, what)

    def remember_file(self, file: Path) -> None:
        """Take every long text of a file of secrets, where there is one."""
        for value in _texts(json.loads(file.read_text())) if file.exists() else ():
            self.remember(value, "a signing secret")

    def look(self, text: str, where: str) -> None:
        """Look at something that was logged."""
        for banner in BANNER.findall(text):
            for token in SHAPES["a token"].findall(banner):
                self.remember(token, "a token of `make run`")
        text = BANNER.sub("", text)
        for word in WORD.findall(text):
            self._seen.setdefault(word, where)
        for what, shape in SHAPES.items():
            if found := shape.search(text):
                self._shapes.setdefault((what, where), _shortened(found[0]))

    def look_into(self, folder: Path) -> None:
        """Look at all log files of a folder: what was printed, and what a gateway keeps itself."""
        for file in sorted(one for pattern in LOG_FILES for one in folder.rglob(pattern)):
            self.look(file.read_text(errors="replace"), f"the log {file.name}")

    def tell(self, found: Iterable[str]) -> None:
        """Take what another process of the same run has found."""
        self._told += found

    def found(self) -> Iterator[str]:
        """Yield what was found: what kind of secret, and where; never the secret."""
        yield from self._told
        yield from (f"{what} in {where}: {shown}" for (what, where), shown in self._shapes.items())
        for word in sorted(self._secrets.keys() & self._seen.keys()):
            yield f"{self._secrets[word]} in {self._seen[word]}: {_shortened(word)}"


LEAKS = Leaks()


def pytest_configure(config: pytest.Config) -> None:
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(logging.Logger, "handle", _watching(logging.Logger.handle))
    patch.setattr(jwt, "encode", _remembering(jwt.encode))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    LEAKS.look(report.capstdout + report.capstderr, f"what {report.nodeid} printed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        LEAKS.remember(os.environ.get(name, ""), name)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["leaks"] = list(LEAKS.found())
    if any(LEAKS.found()) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker of pytest-xdist has found, which has no terminal and no exit status of its own."""
    LEAKS.tell(getattr(node, "workeroutput", {}).get("leaks", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if found := list(LEAKS.found()):
        terminalreporter.section("secrets in logs", red=True)
        for one in found:
            terminalreporter.line(f"LEAKED {one}")


def _watching(handle: Callable[[logging.Logger, logging.LogRecord], None]) -> Callable[..., None]:
    def watched(logger: logging.Logger, record: logging.LogRecord) -> None:
        said = [record.getMessage(), *(f"{name}={value}" for name, value in vars(record).items())]
        if record.exc_info:
            said += traceback.format_exception(*record.exc_info)
        LEAKS.look(
            "\n".join(said), f"a record of the logger {record.name} ({record.filename}:{record.lineno})"
        )
        handle(logger, record)

    return watched


def _remembering(encode: Callable[..., str]) -> Callable[..., str]:
    def remembered(payload: Any, key: Any, *arguments: Any, **named: Any) -> str:
        token = encode(payload, key, *arguments, **named)
        LEAKS.remember(token, "a token's signature")
        if isinstance(key, str):
            LEAKS.remember(key, "a signing secret")
        return token

    return remembered


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, str):
        yield content


def _shortened(secret: str) -> str:
    return f"{secret[:8]}... ({len(secret)} characters)"

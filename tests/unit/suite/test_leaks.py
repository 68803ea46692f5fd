"""The search for secrets in logs finds what is planted, and nothing where there is nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway import ROOT
from tests.leaks import Leaks

TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJrb3NtaSIsImlhdCI6MX0.kq0fJq3hXrZ1uYb8cVd2wEe5tRg7yUh9"
)
SECRET = "Zq8wVn2kLx5rTb9yHc4mJd7pFs1gAe3uXo6i-KQ_0vW"
BEGINNING = """
import json, logging, secrets, sys
import jwt

def planted(name):
    log = logging.getLogger(name)
    log.setLevel(logging.DEBUG)
    secret = secrets.token_urlsafe(48)
    return log, secret, jwt.encode({"sub": "kosmi"}, secret, "HS256")
"""
PLANTS = {
    "a_token_in_the_message": 'log.info("got " + token)',
    "a_token_as_an_argument": 'log.debug("got %s", token)',
    "a_token_as_a_field": 'log.info("a frame", extra={"frame": json.dumps({"token": token})})',
    "half_a_token": 'log.info("signed %s", token.rpartition(".")[2])',
    "the_secret": 'log.warning("the key is %r", secret)',
    "the_secret_in_an_exception": """
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("a frame could not be handled")""",
    "a_header": 'log.info("headers", extra={"headers": {"Authorization": "Bearer 0123456789abcdef"}})',
    "an_aws_header": 'log.info("sent AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251101, Signature=5d672d79")',
    "what_is_printed": "print(token)",
    "what_is_printed_to_the_other_stream": "print(secret, file=sys.stderr)",
}
CLEAN = {
    "a_record": 'log.info("a request of kosmi", extra={"kid": "k1", "connection_id": "L0SM9cOFvHcCIhw="})',
    "a_line": 'print("a line")',
}


def run(folder: Path, tests: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    text = BEGINNING + "".join(
        f"\ndef test_{name}():\n    log, secret, token = planted({name!r})\n    {code.lstrip()}\n"
        for name, code in tests.items()
    )
    (folder / "test_planted.py").write_text(text)
    options_of_all = ("-p", "tests.leaks", "-p", "no:cacheprovider", "-q")
    command = [sys.executable, "-m", "pytest", *options_of_all, *options, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_run_without_a_leak_is_as_its_tests(tmp_path: Path) -> None:
    clean = run(tmp_path, CLEAN)

    assert clean.returncode == pytest.ExitCode.OK, clean.stdout
    assert "LEAKED" not in clean.stdout


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_a_run_with_leaks_fails_and_names_each_unrepeated(tmp_path: Path, options: tuple[str, ...]) -> None:
    leaking = run(tmp_path, PLANTS, *options)

    told = [line for line in leaking.stdout.splitlines() if line.startswith("LEAKED")]
    assert f"{len(PLANTS)} passed" in leaking.stdout
    assert leaking.returncode == pytest.ExitCode.TESTS_FAILED
    for plant in PLANTS:
        assert [line for line in told if f"logger {plant} " in line or f"::test_{plant} " in line], plant
    assert all(re.search(r": .{8}[.]{3} [(]\d+ characters[)]$", line) for line in told)


def test_what_becomes_a_secret_later_is_found_as_well() -> None:
    leaks = Leaks()
    leaks.look(f"the key is {SECRET}", "a log")
    before = list(leaks.found())

    leaks.remember(SECRET, "a signing secret")

    assert before == []
    assert list(leaks.found()) == ["a signing secret in a log: Zq8wVn2k... (43 characters)"]


@pytest.mark.parametrize("name", ["gateway.log", "state/log.jsonl", "state/log.jsonl.1"])
def test_every_log_that_a_gateway_leaves_is_read(tmp_path: Path, name: str) -> None:
    leaks, log = Leaks(), tmp_path / name
    log.parent.mkdir(exist_ok=True)
    log.write_text(f'{{"message": "{TOKEN}"}}\n')

    leaks.look_into(tmp_path)

    [found] = leaks.found()
    assert found.startswith(f"a token in the log {log.name}: ")


def test_what_make_run_prints_to_paste_is_no_leak(tmp_path: Path) -> None:
    leaks = Leaks()
    banner = f'Game Night Live is up.\n{TOKEN}\ncurl -d \'{{"notes": "Friday Game Night"}}\'\n'
    log = tmp_path / "state" / "gateway.log"
    log.parent.mkdir()

    log.write_text(banner)
    leaks.look_into(tmp_path)
    before = list(leaks.found())
    log.write_text(f'{banner}{{"message": "signature {TOKEN.rpartition(".")[2]}"}}\n')
    leaks.look_into(tmp_path)

    assert before == []
    assert len(list(leaks.found())) == 1


def test_a_file_of_secrets_names_what_is_long_and_varied(tmp_path: Path) -> None:
    leaks, file = Leaks(), tmp_path / "secrets.json"
    leaks.remember_file(file)
    file.write_text(f'{{"current": {{"kid": "0a1b2c3d", "secret": "{SECRET}"}}, "previous": null}}')

    leaks.remember_file(file)
    leaks.remember("x" * 40, "a key of a test")
    leaks.look(f"0a1b2c3d {SECRET} {'x' * 40}", "a log")

    assert len(list(leaks.found())) == 1

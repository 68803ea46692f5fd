"""What a cold broadcast function takes to its first post: `make bench-cold-start`.

A fresh interpreter imports app.py and is handed one stream record, as Lambda does it; the time until its
first post arrives is compared to a fresh interpreter that imports the four base packages bare. DynamoDB and
@connections are a stub in this process, which answers at once, so that only what is ours is measured.
Leaves the other functions, and what packaging does to them, to ``cold_start``. Ends with status 1 where the
ratio is above its bar.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

import click

ROOT = Path(__file__).parent.parent
BAR = 1.25

KEYS = {"PK": {"S": "session#17"}, "SK": {"S": "event#0000000001"}}
RECORD = {
    "eventID": "1",
    "eventName": "INSERT",
    "eventSource": "aws:dynamodb",
    "awsRegion": "us-east-1",
    "dynamodb": {
        "Keys": KEYS,
        "SequenceNumber": "100000000001",
        "StreamViewType": "NEW_IMAGE",
        "NewImage": {
            **KEYS,
            "type": {"S": "session.started"},
            "envelope": {"S": '{"type":"session.started"}'},
            "epoch": {"S": "e17"},
            "sessions_epoch": {"S": "e0"},
        },
    },
}
RECIPIENT = {
    "PK": {"S": "audience#all#0"},
    "SK": {"S": "L0SM9cOFvHcCIhw="},
    "api_id": {"S": "abcdef1234"},
    "stage": {"S": "prod"},
    "token_expires_at": {"N": "99999999999"},
    "expires_at": {"N": "99999999999"},
    "wants_cursor": {"BOOL": False},
}

BARE = "a bare interpreter"
BASE = "the four base packages"
IMPORT = "import app"
WHOLE = "import app, first post"
CANDIDATES = {
    BARE: "",
    BASE: "import chalice, boto3, pynamodb, jwt",
    IMPORT: "import app",
    WHOLE: f"""
import app
class Context:
    def get_remaining_time_in_millis(self):
        return 60000
app.broadcast({{"Records": [{RECORD}]}}, Context())
""",
}
ENDS = "\nimport os\nos.write(1, b'.')\nos._exit(0)"
"""Says that the code has run, and leaves without a tidy end, which no function waits for either."""


class Stub(ThreadingHTTPServer):
    """A DynamoDB with one recipient in it, and an @connections that notes when a post arrives."""

    daemon_threads = True
    request_queue_size = 128  # five, its own, makes whoever comes sixth at once wait for a second

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: SimpleQueue[float] = SimpleQueue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet
    server: Stub

    def do_POST(self) -> None:
        arrived = time.perf_counter()
        body = self.rfile.read(int(self.headers["content-length"]))
        if "x-amz-target" in self.headers:
            asked = json.dumps(json.loads(body).get("ExpressionAttributeValues"))  # GetItem has none
            items = [RECIPIENT] if '"audience#all#0"' in asked else []
            answer = {"Items": items, "Count": len(items), "ScannedCount": len(items)}
            self._answer(json.dumps(answer).encode())
        else:
            self.server.posts.put(arrived)
            self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running_stub() -> Iterator[Stub]:
    with Stub() as stub:
        threading.Thread(target=stub.serve_forever, daemon=True).start()
        yield stub
        stub.shutdown()


def milliseconds(name: str, stub: Stub) -> float:
    """Return how long a fresh interpreter takes for a candidate: to its end, or to its first post."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not much of a secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": stub.url,
        "PUSH_ENDPOINT": f"{stub.url}/{{stage}}",
        "SESSIONS_STREAM_ARN": "arn:aws:dynamodb:us-east-1:123456789012:table/sessions/stream/now",
        "LOG_LEVEL": "ERROR",
    }
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", CANDIDATES[name] + ENDS], cwd=ROOT, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read(1)
        ended = time.perf_counter()
    if said != b".":
        raise click.ClickException(f"{name}: the interpreter ended with status {process.returncode}.")
    if name == WHOLE:
        ended = stub.posts.get_nowait()
    return (ended - started) * 1000


@click.command(help=__doc__)
@click.option("--rounds", default=15, show_default=True, help="How often each is timed.")
def main(rounds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    with running_stub() as stub:
        for number in range(1, rounds + 1):
            for name in CANDIDATES:
                taken[name].append(milliseconds(name, stub))
            click.echo(f"round {number} of {rounds}: first post after {taken[WHOLE][-1]:.0f} ms", err=True)
    bare = statistics.median(taken[BARE])
    above = {name: statistics.median(all_) - bare for name, all_ in taken.items() if name != BARE}
    click.echo(f"\n{'median, above a bare interpreter':34}{'ms':>8}{'x base':>9}")
    for name, one in above.items():
        click.echo(f"{name:34}{one:8.1f}{one / above[BASE]:9.2f}")
    ratio = above[WHOLE] / above[BASE]
    click.echo(f"\nThe bar is {BAR}: {'reached' if ratio <= BAR else 'MISSED'}")
    if ratio > BAR:
        sys.exit(1)


if __name__ == "__main__":
    main()

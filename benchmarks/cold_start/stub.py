"""Answers at once as DynamoDB, SSM, SQS and @connections, so that a benchmark measures only what is ours."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRETS = '{"current": {"kid": "k1", "secret": "0123456789012345678901234567890123456789"}}'
FAR = {"N": "99999999999"}
GATEWAY = {"api_id": {"S": "abcdef1234"}, "stage": {"S": "prod"}}

ROWS: dict[str, dict[str, Any]] = {
    "sessions": {"epoch": {"S": "e0"}, "sequence": {"N": "16"}},
    "connection#": {
        **GATEWAY,
        "connected_at": {"N": "1762000000"},
        "source_ip": {"S": "127.0.0.1"},
        "expires_at": FAR,
    },
    "swept": {"minute": {"N": "29367119"}},
    "audience#": {
        **GATEWAY,
        "token_expires_at": FAR,
        "expires_at": FAR,
        "wants_cursor": {"BOOL": False},
        "position": {"N": "16"},
    },
}
"""What is read, by the beginning of its partition key."""

CONNECTION_ID = "L0SM9cOFvHcCIhw="
IN_SHARD = "#0"
"""The one connection of an audience is in its first shard."""


class Stub(ThreadingHTTPServer):
    """The services. ``posts`` counts what @connections was sent."""

    daemon_threads = True
    request_queue_size = 128  # with its own five, the sixth connection would wait for a second
    posts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet
    server: Stub

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        operation = self.headers.get("x-amz-target", "").rpartition(".")[2]
        self.server.posts += not operation
        body = json.dumps(answer(operation, asked) if operation else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def answer(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the service answers that has this operation."""
    if operation == "GetParameter":
        return {"Parameter": {"Name": asked["Name"], "Value": SECRETS}}
    if operation == "GetItem":
        key = asked["Key"]
        row = next((row for start, row in ROWS.items() if key["PK"]["S"].startswith(start)), None)
        return {"Item": {**key, **row}} if row else {}
    if operation == "Query":
        partition = next(
            (one["S"] for one in asked["ExpressionAttributeValues"].values() if "#" in one.get("S", "")), ""
        )
        found = partition.startswith("audience#") and partition.endswith(IN_SHARD)
        row = {"PK": {"S": partition}, "SK": {"S": CONNECTION_ID}, **ROWS["audience#"]}
        return {"Items": [row] if found else [], "Count": int(found), "ScannedCount": int(found)}
    return {"Attributes": {}} if operation.endswith("Item") else {}


@contextmanager
def running_stub() -> Iterator[Stub]:
    with Stub(("127.0.0.1", 0), _Handler) as stub:
        threading.Thread(target=stub.serve_forever, daemon=True).start()
        yield stub
        stub.shutdown()

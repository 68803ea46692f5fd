import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from chalicelib.aws.json_api import ATTEMPTS, DynamoApi
from chalicelib.aws.signature import Keys
from chalicelib.errors import Unavailable

REGION = "eu-central-1"
KEYS = Keys("AKIDEXAMPLE", "not much of a secret", "a/session+token==")
FOUND = {"Items": [], "Count": 0}

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Database:
    """A server that gives its answers in turn, the last one again and again."""

    answers: list[Say]
    port: int = 0
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    accepted: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1")
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            for writer in self.writers:
                writer.transport.abort()
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.writers.append(writer)
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
                self.asked.append((headers, await reader.readexactly(int(headers["content-length"]))))
                await self.answers[min(len(self.asked), len(self.answers)) - 1](writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()


def answer(status: int, body: Any, *extra: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        sent = json.dumps(body).encode()
        writer.write(b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n" % (status, len(sent)))
        writer.write(b"".join(extra) + b"\r\n" + sent)

    return say


def failure(status: int, name: str) -> Say:
    return answer(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": "no"})


def piece(data: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return say


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


OK = answer(200, FOUND)


@asynccontextmanager
async def api_of(database: Database, **options: Any) -> AsyncIterator[DynamoApi]:
    async def no_wait(_seconds: float) -> None:
        await asyncio.sleep(0)

    api = DynamoApi(
        f"http://127.0.0.1:{database.port}",
        REGION,
        lambda: KEYS,
        ssl.create_default_context,
        **{"sleep": no_wait, **options},
    )
    try:
        yield api
    finally:
        await api.close()


def botocores_authorization(headers: dict[str, str], body: bytes) -> str:
    names = ("content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target")
    request = AWSRequest(
        method="POST",
        url=f"http://{headers['host']}/",
        data=body,
        headers={name: headers[name] for name in names},
    )
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(ReadOnlyCredentials(KEYS.access_key, KEYS.secret_key, KEYS.token), "dynamodb", REGION)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    signed = auth.signed_headers(auth.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={signed}, Signature={signature}"


async def test_a_call_is_signed_as_botocore_would_and_names_its_operation() -> None:
    database = Database([OK])

    async with database.serving(), api_of(database) as api:
        found = await api.call("Query", {"TableName": "connections", "Limit": 5})

    ((headers, body),) = database.asked
    assert found == FOUND
    assert headers["x-amz-target"] == "DynamoDB_20120810.Query"
    assert headers["authorization"] == botocores_authorization(headers, body)
    assert json.loads(body) == {"TableName": "connections", "Limit": 5}


async def test_a_connection_is_kept_for_the_next_call() -> None:
    database = Database([answer(200, {"Items": ["x" * 1_000_000]}), OK])

    async with database.serving(), api_of(database) as api:
        large = await api.call("Query", {})
        small = await api.call("Query", {})

    assert (len(large["Items"][0]), small) == (1_000_000, FOUND)
    assert database.accepted == 1


async def test_calls_at_the_same_time_have_a_connection_each() -> None:
    database = Database([OK])

    async with database.serving(), api_of(database) as api:
        found = await asyncio.gather(*(api.call("Query", {}) for _ in range(8)))

    assert found == [FOUND] * 8
    assert 1 <= database.accepted <= 8


@pytest.mark.parametrize(
    "passing",
    [
        failure(400, "ProvisionedThroughputExceededException"),
        failure(400, "ThrottlingException"),
        failure(500, "InternalServerError"),
        answer(503, "no object", b"Connection: close\r\n"),
        reset,
        piece(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        piece(b"SSH-2.0-OpenSSH\r\n"),
    ],
)
async def test_what_passes_is_asked_for_again(passing: Say) -> None:
    database = Database([passing, passing, OK])

    async with database.serving(), api_of(database, patience=0.3) as api:
        found = await api.call("Query", {})

    assert found == FOUND
    assert len(database.asked) == 3


async def test_what_does_not_pass_ends_after_the_attempts_with_full_jitter_between() -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    database = Database([failure(500, "InternalServerError")])

    async with database.serving(), api_of(database, sleep=wait, random=lambda: 0.5) as api:
        with pytest.raises(Unavailable):
            await api.call("Query", {})

    assert len(database.asked) == ATTEMPTS
    assert waited == [0.025, 0.05, 0.1, 0.2]


@pytest.mark.parametrize(
    "name", ["ResourceNotFoundException", "AccessDeniedException", "ValidationException"]
)
async def test_a_refusal_is_final_and_the_log_names_it(name: str, caplog: pytest.LogCaptureFixture) -> None:
    database = Database([failure(400, name)])

    async with database.serving(), api_of(database) as api:
        with pytest.raises(Unavailable):
            await api.call("Query", {})

    assert len(database.asked) == 1
    assert vars(caplog.records[0])["reason"] == f"400 {name}"
    assert KEYS.secret_key not in str(vars(caplog.records[0]))


async def test_connections_that_died_while_idle_cost_no_attempt() -> None:
    database = Database([OK])

    async def never(_seconds: float) -> None:
        pytest.fail("an attempt was counted")

    async with database.serving(), api_of(database, sleep=never) as api:
        await asyncio.gather(*(api.call("Query", {}) for _ in range(3)))
        for writer in database.writers:
            writer.transport.abort()
        found = await api.call("Query", {})

    assert found == FOUND


async def test_a_connection_that_was_idle_for_a_minute_is_not_trusted() -> None:
    now = [1_762_000_000.0]
    database = Database([OK])

    async with database.serving(), api_of(database, clock=lambda: now[0]) as api:
        await api.call("Query", {})
        now[0] += 60
        await api.call("Query", {})

    assert database.accepted == 2


async def test_a_database_that_is_away_is_unavailable() -> None:
    database = Database([OK])
    async with database.serving():
        pass

    async with api_of(database) as api:
        with pytest.raises(Unavailable):
            await api.call("Query", {})


def test_an_endpoint_that_is_no_url_is_refused() -> None:
    with pytest.raises(ValueError, match="no http or https URL"):
        DynamoApi("localhost:8000", REGION, lambda: KEYS, ssl.create_default_context)


def test_what_is_secret_of_the_keys_is_not_shown() -> None:
    assert repr(KEYS) == "Keys(access_key='AKIDEXAMPLE')"

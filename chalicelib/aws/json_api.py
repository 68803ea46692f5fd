"""AWS's JSON services over HTTP, for what a delivery does each time: reading audiences, saving places, jobs.

PynamoDB and botocore serve everything else. They cost a cold start more than all the rest of it, so a
broadcast does without them: docs/decisions/0051-audience-without-sdk.md. Knows no table, no key and no queue.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import random as random_module
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httptools

from chalicelib.aws.signature import Credentials, signing_key
from chalicelib.errors import Unavailable

CONNECT_AND_ANSWER_SECONDS = 3.0
"""An answer takes milliseconds; one that takes seconds is better asked for again."""

ATTEMPTS = 5
BASE_SECONDS = 0.05
CAP_SECONDS = 1.0

IDLE_SECONDS = 50.0
"""How long an idle connection is trusted: a freeze of the process may have hidden its end."""

_READ_BYTES = 256 * 1024
_WORTH_ANOTHER_ATTEMPT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ThrottlingException",
        "ThrottlingError",
    }
)
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html; the one of SQS is
RequestThrottled."""

logger = logging.getLogger(__name__)


class ConditionFailed(Exception):
    """What was to be written was not, since the write's condition does not hold."""


class JsonApi:
    """Calls a service's operations over connections that are kept alive.

    ``service`` is what a request is signed for, ``target`` what the service calls its operations in this
    version, ``away`` what Unavailable says. ``endpoint`` is a URL, None for AWS's own in the Region. ``tls``
    gives what an https endpoint's certificate is verified with. ``clock`` gives Unix seconds, ``random``
    0 <= x < 1. Belongs to one event loop until ``close``.
    """

    service: ClassVar[str]
    target: ClassVar[str]
    away: ClassVar[str]

    def __init__(  # noqa: PLR0913 - every one has a default that fits but the first four
        self,
        endpoint: str | None,
        region: str,
        credentials: Callable[[], Credentials],
        tls: Callable[[], ssl.SSLContext],
        *,
        patience: float = CONNECT_AND_ANSWER_SECONDS,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        url = urlsplit(endpoint or f"https://{self.service}.{region}.amazonaws.com")
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError(f"The {self.service} endpoint {endpoint!r} is no http or https URL with a host.")
        self._host = url.hostname
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._authority = url.netloc
        self._tls = tls if url.scheme == "https" else None
        self._region = region
        self._credentials = credentials
        self._patience = patience
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._idle: list[_Connection] = []

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an operation answers; it may be asked for more than once, so that must be the same.

        Raises Unavailable where the service refuses, or does not answer within the attempts, and
        ConditionFailed where a write of DynamoDB has a condition that does not hold.
        """
        body = json.dumps(arguments).encode()
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._sleep(self._random() * min(CAP_SECONDS, BASE_SECONDS * 2 ** (attempt - 1)))
            try:
                status, answer = await self._exchange(operation, body)
            except (OSError, TimeoutError, httptools.HttpParserError) as exc:
                reason = str(exc) or type(exc).__name__
                self._drop_idle()  # what ended this connection may have ended them
                continue
            if status == 200:  # noqa: PLR2004 - there is no other success
                found: dict[str, Any] = json.loads(answer)
                return found
            error = _error_type(answer)
            if error == "ConditionalCheckFailedException":
                raise ConditionFailed
            reason = f"{status} {error}"
            if status < 500 and error not in _WORTH_ANOTHER_ATTEMPT:  # noqa: PLR2004 - server errors
                break
        logger.warning(
            "%s did not do what it was asked", self.service, extra={"operation": operation, "reason": reason}
        )
        raise Unavailable(self.away)

    async def close(self) -> None:
        """Close the connections that are kept alive."""
        idle = list(self._idle)
        self._drop_idle()
        await asyncio.gather(*(connection.closed() for connection in idle))

    def _drop_idle(self) -> None:
        for connection in self._idle:
            connection.abandon()
        self._idle.clear()

    async def _exchange(self, operation: str, body: bytes) -> tuple[int, bytes]:
        async with asyncio.timeout(self._patience):
            while self._idle:
                connection = self._idle.pop()
                if self._clock() - connection.idle_since < IDLE_SECONDS:
                    try:
                        return await self._ask(connection, operation, body)
                    except (OSError, httptools.HttpParserError):
                        continue  # it died while it was idle, which is no attempt
                connection.abandon()
            connection = _Connection(
                *await asyncio.open_connection(
                    self._host, self._port, ssl=self._tls() if self._tls else None, limit=_READ_BYTES
                )
            )
            return await self._ask(connection, operation, body)

    async def _ask(self, connection: "_Connection", operation: str, body: bytes) -> tuple[int, bytes]:
        kept = False
        try:
            answer = await connection.ask(self._request(operation, body))
            kept = answer.keep_alive
        finally:
            if kept:
                connection.idle_since = self._clock()
                self._idle.append(connection)
            else:
                connection.abandon()
        return answer.status, bytes(answer.body)

    def _request(self, operation: str, body: bytes) -> bytes:
        credentials = self._credentials()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        scope = f"{stamp[:8]}/{self._region}/{self.service}/aws4_request"
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": self._authority,
            "x-amz-date": stamp,
            **({"x-amz-security-token": credentials.token} if credentials.token else {}),
            "x-amz-target": f"{self.target}.{operation}",
        }
        names = ";".join(headers)
        canonical = "\n".join(
            [
                "POST\n/\n",
                *(f"{name}:{value}" for name, value in headers.items()),
                f"\n{names}\n{hashlib.sha256(body).hexdigest()}",
            ]
        )
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = signing_key(credentials.secret_key, scope)
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        headers["content-length"] = str(len(body))
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body


class DynamoApi(JsonApi):
    """DynamoDB."""

    service = "dynamodb"
    target = "DynamoDB_20120810"
    away = "The store did not answer in time. Send the request again in a moment."


class SqsApi(JsonApi):
    """SQS."""

    service = "sqs"
    target = "AmazonSQS"
    away = "The delivery queue did not answer in time."


class _Connection:
    """One connection, which carries one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.idle_since = 0.0
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> "_Answer":
        """Send a request and return its answer. Raises OSError where the connection ends before."""
        self._writer.write(request)
        answer = _Answer()
        while not answer.complete:
            data = await self._reader.read(_READ_BYTES)
            if not data:
                raise ConnectionResetError("the connection was closed")
            answer.parser.feed_data(data)
        return answer

    def abandon(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    async def closed(self) -> None:
        """Wait until it is closed."""
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


class _Answer:
    """What the parser hears."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.body = bytearray()
        self.complete = self.keep_alive = False

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        self.body += piece

    def on_message_complete(self) -> None:
        """Note that the answer is whole."""
        self.status = self.parser.get_status_code()
        self.keep_alive = self.parser.should_keep_alive()
        self.complete = True


def _error_type(answer: bytes) -> str:
    try:
        error = str(json.loads(answer)["__type"])
    except (ValueError, KeyError, TypeError):
        return "an error without a type"
    return error.rpartition("#")[2]

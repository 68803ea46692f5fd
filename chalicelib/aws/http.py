"""Sends HTTP/1.1 requests over kept-alive connections, never through a proxy."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

import httptools
import msgspec

IDLE_SECONDS = 50.0
"""An idle connection is used for so long: a freeze of the process may hide its end. AWS closes it after 60 s:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"""

_BUFFER_BYTES = 16 * 1024  # a whole TLS record: the event loop would not see the rest of one
_PORTS = {"http": 80, "https": 443}
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class NoAnswer(Exception):
    """There is no complete answer. ``status`` is set if only the rest of its body is missing."""

    def __init__(self, reason: str, status: int | None = None, *, died_idle: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.died_idle = died_idle


def parse_endpoint(url: str) -> SplitResult:
    """Return the parts of a URL, without a slash at its end. Raises ValueError if it is not usable."""
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in _PORTS or not parts.hostname or parts.port == 0:
        raise ValueError("no http or https URL with a host")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("more than scheme, host, port and path")
    return parts


class HttpClient(msgspec.Struct):
    """Pools connections by server. They belong to one event loop until ``close``.

    ``timeout`` bounds the seconds to open a connection, and to an answer. ``tls`` makes the context for
    https. ``clock`` gives Unix seconds: unlike the event loop's clock, it counts a freeze.
    """

    timeout: float = 3.0
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    clock: Callable[[], float] = time.time
    _context: ssl.SSLContext | None = None
    _idle: "dict[tuple[str, str], list[_Connection]]" = {}

    async def request(self, endpoint: SplitResult, data: bytes) -> tuple[int, bytes]:
        """Send a request and return its answer's status and body. Raises NoAnswer.

        A request is sent once more if its connection had died while it was idle.
        """
        idle = self._idle.setdefault((endpoint.scheme, endpoint.netloc), [])
        connection = self._take(idle) or await self._connect(endpoint)
        while True:
            started = self.clock()
            try:
                answer = await connection.send(data)
            except asyncio.CancelledError:
                connection.abort()  # its answer may still come
                raise
            except NoAnswer as exc:
                for other in idle:  # the same cause may have ended connections that were idle since
                    other.usable = other.usable and other.idle_since > started
                if not exc.died_idle:
                    raise
                connection = await self._connect(endpoint)  # a new connection can't have died idle
                continue
            if connection.usable:
                connection.idle_since = self.clock()
                idle.append(connection)
            return answer

    async def close(self) -> None:
        """Close the connections, while no request runs."""
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()

    def _take(self, idle: "list[_Connection]") -> "_Connection | None":
        while idle:
            connection = idle.pop()
            if connection.usable and self.clock() - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    async def _connect(self, endpoint: SplitResult) -> "_Connection":
        host, port = str(endpoint.hostname), endpoint.port or _PORTS[endpoint.scheme]
        context = None
        if endpoint.scheme == "https":  # made late: it takes 20 ms to read the system's certificates
            context = self._context = self._context or self.tls()
        try:
            async with asyncio.timeout(self.timeout):
                opened = await _open(host, port, context)
        except (OSError, UnicodeError) as exc:  # UnicodeError: not a valid host name
            why = "timed out" if isinstance(exc, TimeoutError) else exc
            raise NoAnswer(f"no connection to {host}:{port}: {why}") from exc
        return _Connection(asyncio.get_running_loop(), opened, self.timeout)


async def _open(host: str, port: int, context: ssl.SSLContext | None) -> socket.socket:
    """Connect to the first address of a host that accepts. Raises OSError and UnicodeError."""
    loop, failure = asyncio.get_running_loop(), OSError("the host has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        opened = socket.socket(family, kind, protocol)
        opened.setblocking(False)  # noqa: FBT003 - the standard library's signature
        try:
            await loop.sock_connect(opened, address)
            if context is not None:
                opened = context.wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
                await _handshake(loop, opened)
        except BaseException as exc:
            opened.close()
            if not isinstance(exc, OSError):
                raise
            failure = exc
        else:
            return opened
    raise failure


async def _handshake(loop: asyncio.AbstractEventLoop, opened: ssl.SSLSocket) -> None:
    readable = asyncio.Event()
    loop.add_reader(opened, readable.set)
    try:
        while True:
            with suppress(ssl.SSLWantReadError):
                return opened.do_handshake()
            await readable.wait()
            readable.clear()
    finally:
        loop.remove_reader(opened)


class _Connection:
    """Carries one request at a time. It is ``usable`` while it is open and no unexpected data has come.

    It reads and writes its socket itself: asyncio's TLS would take as long as the whole rest of a post.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, opened: socket.socket, timeout: float) -> None:
        self.usable = True
        self.idle_since = 0.0
        self._loop = loop
        self._socket = opened
        self._timeout = timeout
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._status: int | None = None
        self._body: list[bytes] = []
        self._heard = False
        loop.add_reader(opened, self._read)

    def send(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Begin a request and return the future of its answer."""
        self._answer = answer = self._loop.create_future()
        self._status, self._body, self._heard = None, [], False
        self._deadline = self._loop.time() + self._timeout
        if self._timer is None:  # one timer serves many requests: a new one takes 2 us
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
        self._write(memoryview(request))
        return answer

    def abort(self) -> None:
        """Close at once."""
        self.usable = False
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _fail(self, reason: str, *, died_idle: bool = False) -> None:
        self.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(NoAnswer(reason, self._status, died_idle=died_idle))

    def _check_deadline(self) -> None:
        self._timer = None
        if self._answer is not None and self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
        elif self._answer is not None:
            self._fail(f"no answer within {self._timeout:g} s")

    def _write(self, data: memoryview) -> None:
        try:
            sent = self._socket.send(data)
        except _NOT_YET:
            sent = 0
        except OSError as exc:
            self._lost(f"the connection broke: {exc}")
            return
        if sent < len(data):
            self._loop.add_writer(self._socket, self._write_rest, data[sent:])

    def _write_rest(self, data: memoryview) -> None:
        self._loop.remove_writer(self._socket)
        self._write(data)

    def _read(self) -> None:
        try:
            count = self._socket.recv_into(self._buffer)
        except _NOT_YET:
            return
        except OSError as exc:
            self._lost(f"the connection broke: {exc}")
            return
        if not count:
            self._lost("the connection was closed")
            return
        self._heard = True
        try:
            self._parser.feed_data(self._buffer[:count])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self._fail(f"the answer is not HTTP/1.1: {exc}")
        if not self.usable:
            self.abort()

    def _lost(self, reason: str) -> None:
        self._fail(reason, died_idle=self.idle_since > 0 and not self._heard)

    def on_message_begin(self) -> None:
        self.usable = self.usable and self._answer is not None  # else an answer without a request

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and self._answer is not None:  # noqa: PLR2004 - 1xx is not the final answer
            self._status = status

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)

    def on_message_complete(self) -> None:
        if self._answer is not None and self._status is not None:
            if not self._answer.done():
                self._answer.set_result((self._status, b"".join(self._body)))
            self._answer = None
            self.usable = self._parser.should_keep_alive()

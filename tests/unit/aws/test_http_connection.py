"""One connection between a recording socket and the answers that a test feeds to it."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest

from chalicelib.aws.http import NoAnswer, _Connection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKS = b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: a\r\n\r\n"


class Socket:
    """A socket that takes ``window`` bytes at a time, and gives what a test put into ``incoming``."""

    def __init__(self) -> None:
        self.sent = b""
        self.window = 1000
        self.incoming: bytes | OSError = b""
        self.closed = False

    def fileno(self) -> int:
        return -1 if self.closed else 99

    def send(self, data: bytes | memoryview) -> int:
        if self.closed:
            raise OSError("closed")
        if not self.window:
            raise BlockingIOError
        self.sent += bytes(data[: self.window])
        return min(len(data), self.window)

    def recv_into(self, buffer: memoryview) -> int:
        if isinstance(self.incoming, OSError):
            raise self.incoming
        piece, self.incoming = self.incoming[: len(buffer)], self.incoming[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self.closed = True


class Loop:
    """An event loop whose time passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.readers: dict[Socket, Callable[[], None]] = {}
        self.writers: dict[Socket, Callable[[], None]] = {}

    def add_reader(self, sock: Socket, callback: Callable[[], None]) -> None:
        self.readers[sock] = callback

    def add_writer(self, sock: Socket, callback: Callable[..., None], *args: object) -> None:
        self.writers[sock] = partial(callback, *args)

    def remove_reader(self, sock: Socket) -> None:
        self.readers.pop(sock, None)

    def remove_writer(self, sock: Socket) -> None:
        self.writers.pop(sock, None)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> object:
        self.timers.append((when, callback))
        return object()

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for _, callback in due:
            callback()


class Wire:
    """A connection, and both of its ends."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.socket = Socket()
        self.connection = _Connection(
            cast("asyncio.AbstractEventLoop", self.loop), cast("socket.socket", self.socket), timeout=3.0
        )

    def ask(self, request: bytes = b"request") -> asyncio.Future[tuple[int, bytes]]:
        return self.connection.send(request)

    def hear(self, data: bytes) -> None:
        self.socket.incoming = data
        while self.socket.incoming and self.socket in self.loop.readers:
            self.loop.readers[self.socket]()

    def end(self, how: bytes | OSError = b"") -> None:
        """End the connection: the other side closed it, or it broke."""
        self.socket.incoming = how
        self.loop.readers[self.socket]()

    async def serve_once(self) -> None:
        """Answer a request, as on a connection that is kept alive then."""
        answer = self.ask()
        self.hear(OK)
        await answer
        self.connection.idle_since = 1.0


@pytest.fixture
async def wire() -> Wire:
    return Wire()


async def failure(answer: asyncio.Future[tuple[int, bytes]]) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        await answer
    return caught.value


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (OK, (200, b"{}")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (200, b"")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (
            b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
            (410, b"hello!"),
        ),
        (
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40_000,
            (502, b"x" * 40_000),
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, (200, b"{}")),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK,
            (200, b"{}"),
        ),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 100_000])
async def test_an_answer_is_heard_however_it_is_cut(
    wire: Wire, data: bytes, answer: tuple[int, bytes], piece: int
) -> None:
    for _ in range(3):
        asked = wire.ask()
        for start in range(0, len(data), piece):
            assert not asked.done()
            wire.hear(data[start : start + piece])

        assert await asked == answer

    assert wire.connection.usable
    assert not wire.socket.closed


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + OK,
        OK + b"HTTP/1.1 410",
        OK + b"garbage",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}more",
    ],
)
async def test_an_answer_counts_though_its_connection_serves_no_more(wire: Wire, data: bytes) -> None:
    asked = wire.ask()

    wire.hear(data)

    assert await asked == (200, b"{}")
    assert not wire.connection.usable
    assert wire.socket.closed


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_no_answer(wire: Wire, data: bytes) -> None:
    asked = wire.ask()

    wire.hear(data)

    assert "not HTTP/1.1" in str(await failure(asked))
    assert wire.socket.closed


@pytest.mark.parametrize("data", [b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", b"HT", b"\0"])
async def test_an_answer_that_nobody_asked_for_ends_the_connection(wire: Wire, data: bytes) -> None:
    await wire.serve_once()

    wire.hear(data)

    assert not wire.connection.usable
    assert wire.socket.closed


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 410 Gone\r\nContent-Length: 100\r\n\r\nhalf a",
        b"HTTP/1.1 410 Gone\r\n\r\nuntil the end",
    ],
)
async def test_a_body_that_is_cut_off_leaves_the_status(wire: Wire, data: bytes) -> None:
    asked = wire.ask()
    wire.hear(data)

    wire.end()

    assert (await failure(asked)).status == 410


@pytest.mark.parametrize(
    ("served", "heard", "died_idle"), [(False, b"", False), (True, b"", True), (True, b"HTTP/1.1 20", False)]
)
async def test_a_kept_alive_connection_that_ends_silently_died_idle(
    wire: Wire, heard: bytes, *, served: bool, died_idle: bool
) -> None:
    if served:
        await wire.serve_once()
    asked = wire.ask()
    wire.hear(heard)

    wire.end(ConnectionResetError("reset"))

    failed = await failure(asked)
    assert (failed.died_idle, str(failed)) == (died_idle, "the connection broke: reset")


async def test_a_connection_closed_before_its_request_gives_no_answer(wire: Wire) -> None:
    wire.end()

    asked = wire.ask()

    assert not (await failure(asked)).died_idle
    assert wire.socket.sent == b""


async def test_each_request_has_the_whole_timeout(wire: Wire) -> None:
    for _ in range(10):
        asked = wire.ask()
        wire.loop.advance(2.9)
        wire.hear(OK)
        assert await asked == (200, b"{}")
    asked = wire.ask()

    wire.loop.advance(2.9)
    early = asked.done()
    wire.loop.advance(0.2)

    assert not early
    failed = await failure(asked)
    assert (failed.status, str(failed)) == (None, "no answer within 3 s")


async def test_no_timer_stays_with_an_idle_connection(wire: Wire) -> None:
    await wire.serve_once()

    wire.loop.advance(3.1)

    assert wire.loop.timers == []
    assert wire.connection.usable


async def test_what_comes_after_the_timeout_is_not_heard(wire: Wire) -> None:
    asked = wire.ask()
    wire.loop.advance(3.1)
    await failure(asked)

    wire.hear(OK)

    assert isinstance(asked.exception(), NoAnswer)


async def test_a_request_is_sent_in_the_pieces_that_the_socket_takes(wire: Wire) -> None:
    wire.socket.window = 4
    asked = wire.ask(b"0123456789")

    while wire.loop.writers:
        wire.loop.writers[wire.socket]()
    wire.hear(OK)

    assert wire.socket.sent == b"0123456789"
    assert await asked == (200, b"{}")


async def test_a_full_socket_takes_the_request_later(wire: Wire) -> None:
    wire.socket.window = 0
    asked = wire.ask()
    sent_at_first = wire.socket.sent
    wire.socket.window = 1000

    wire.loop.writers[wire.socket]()
    wire.hear(OK)

    assert (sent_at_first, wire.socket.sent) == (b"", b"request")
    assert await asked == (200, b"{}")


@pytest.mark.parametrize("nothing_yet", [BlockingIOError(), ssl.SSLWantReadError()])
async def test_a_wake_up_without_data_changes_nothing(wire: Wire, nothing_yet: OSError) -> None:
    asked = wire.ask()

    wire.end(nothing_yet)
    wire.hear(OK)

    assert await asked == (200, b"{}")

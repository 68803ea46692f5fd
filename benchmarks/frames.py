"""As much of RFC 6455 as the benchmarks' clients need: a library's cost would be measured too."""

import asyncio
import base64
import os
from typing import cast


def handshake(host: str, path: str) -> bytes:
    """Return what opens a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def masked(payload: bytes) -> bytes:
    """Return a client's text frame; the mask is zero, which masks nothing and is legal."""
    if len(payload) < 126:
        head = bytes((0x81, 0x80 | len(payload)))
    else:
        head = bytes((0x81, 0x80 | 126)) + len(payload).to_bytes(2, "big")
    return head + bytes(4) + payload


def take_frame(data: bytearray) -> tuple[int, bytes] | None:
    """Cut a frame, its opcode and payload, off the front of what came; None where it is not whole yet."""
    if len(data) < 2:
        return None
    length, start = data[1], 2
    if length == 126:
        length, start = int.from_bytes(data[2:4], "big"), 4
    elif length == 127:
        length, start = int.from_bytes(data[2:10], "big"), 10
    if len(data) < start + length:
        return None
    opcode, payload = data[0] & 0x0F, bytes(data[start : start + length])
    del data[: start + length]
    return opcode, payload


class Wire(asyncio.Protocol):
    """The client's end of a WebSocket: it shakes hands, and hands on frames. What they mean is its heir's."""

    def open(self, host: str, path: str) -> None:
        """Begin, with whatever an earlier connection has left forgotten."""
        self._host, self._path = host, path
        self._data = bytearray()
        self._opened = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport | None = cast("asyncio.Transport", transport)  # uvloop's is none
        self.transport.write(handshake(self._host, self._path))

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._opened:
            head, found, rest = bytes(self._data).partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.refused(head)
                return
            self._opened = True
            self._data = bytearray(rest)
            self.opened()
        while (frame := take_frame(self._data)) is not None:
            self.received(*frame)

    def send(self, payload: bytes) -> None:
        """Send a text frame; nothing where there is no connection."""
        if self.transport is not None:
            self.transport.write(masked(payload))

    def opened(self) -> None:
        """Begin to speak."""
        raise NotImplementedError

    def refused(self, head: bytes) -> None:
        """Take note of a handshake that was answered otherwise."""
        raise NotImplementedError

    def received(self, opcode: int, payload: bytes) -> None:
        """Take a frame."""
        raise NotImplementedError

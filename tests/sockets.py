"""Servers that speak what a test has them speak, and leave no connection behind."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from socket import socket
from typing import Any

Serve = Callable[[StreamReader, StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """Serve each connection on a free port, the value, of 127.0.0.1.

    At the end of the block nothing is open any more, whatever ``serve`` still waits for. What it raises is
    raised there, but for a connection that its client has ended.
    """
    handlers: set[asyncio.Task[Any] | None] = set()
    ended = asyncio.Event()

    async def handle(reader: StreamReader, writer: StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        serving, ending = asyncio.ensure_future(serve(reader, writer)), asyncio.ensure_future(ended.wait())
        await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        ending.cancel()
        writer.close()
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serving
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await accept_no_more(server.sockets)
        server.close()
        ended.set()
        await asyncio.gather(*filter(None, handlers))


async def accept_no_more(sockets: Iterable[socket]) -> None:
    """Have a server that is to be closed be done with accepting.

    asyncio forgets a connection that has been accepted, but not yet handed over, when its server is closed.
    """
    for listener in sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    for _ in range(3):  # accepted; a transport is made; its protocol is told
        await asyncio.sleep(0)

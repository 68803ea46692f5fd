"""One kept-alive HTTP/1.1 connection that carries one request at a time.

Tells its owner how each request ended; which request comes next, and what to do about one that failed, is
the owner's (``dispatch``). There is no Task and no Future per request: the answer's last byte calls the
owner, and the owner writes the next request in that same call.
"""

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

import httptools

if TYPE_CHECKING:
    from chalicelib.push.delivery import Post
    from chalicelib.push.dispatch import Pool


_BUFFER_BYTES = 4096
"""An answer of @connections has a few hundred bytes; a longer one is read in pieces."""


class LaneOwner(Protocol):
    """Who is told what became of requests and lanes."""

    def answered(self, lane: "Lane", post: "Post", status: int) -> None:
        """Take note of an answer; the lane can be used again if it is ``usable``."""
        ...

    def unanswered(self, lane: "Lane", post: "Post", reason: str, *, kept_alive_died: bool) -> None:
        """Take note of a request without an answer; the lane is of no use any more.

        ``kept_alive_died``: the lane had served before and closed without a byte, so it was most
        likely closed by the server while it was idle.
        """
        ...

    def lost(self, lane: "Lane") -> None:
        """Forget a lane."""
        ...


class Lane(asyncio.BufferedProtocol):
    """A connection to one endpoint. It is ``usable`` while it is open and in step with its server.

    It lends the event loop a buffer of its own: asyncio.Protocol has 256 KB allocated for every read, which
    can mean three system calls and twice the CPU for a whole post.
    """

    def __init__(self, owner: LaneOwner, pool: "Pool", closed: asyncio.Future[None]) -> None:
        self.pool = pool
        self.post: Post | None = None
        self.usable = False
        self.started_tick = 0
        self.idle_since = 0.0
        self.closed = closed
        self._owner = owner
        self._served = False
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._heard = self._complete = self._surplus = False
        self._keep_alive = True
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))

    # What the owner calls.

    @property
    def silent(self) -> bool:
        """Whether it has served before, and nothing was heard since the last request."""
        return self._served and not self._heard

    def send(self, post: "Post", request: bytes, tick: int) -> None:
        """Begin a request; the lane must be usable and free."""
        self.post = post
        self.started_tick = tick
        self._heard = False
        self._status = 0
        self._transport.write(request)

    def give_up(self, reason: str) -> None:
        """End the request in flight, because its time is over, and the lane with it."""
        self._end(reason, closed=False)

    def abandon(self) -> None:
        """Close at once and tell nobody of the request in flight."""
        self.post = None
        self.usable = False
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be usable."""
        # Not isinstance: uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.usable = True

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the event loop's signature
        """Say where to read to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Feed the parser; when it has seen a whole answer, tell the owner."""
        post = self.post
        if post is None:  # an answer that nobody asked for: the lane is out of step
            self.abandon()
            return
        self._heard = True
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self._complete:
                self._end(f"the answer is not HTTP/1.1: {exc}", closed=False)
                return
            self._surplus = True
        if self._complete:
            self._complete = False
            self._served = True
            self.post = None
            if self._surplus or not self._keep_alive:
                self.usable = False
                self._transport.abort()
            self._owner.answered(self, post, self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle the request in flight and leave."""
        self.usable = False
        reason = "the connection was closed" if exc is None else f"the connection broke: {exc}"
        self._end(reason, closed=True)
        self._owner.lost(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def _end(self, reason: str, *, closed: bool) -> None:
        post = self.post
        if self.usable:
            self.abandon()
        if post is None:
            return
        self.post = None
        if self._status:
            # The status was said, only the rest of a body that nobody reads is missing.
            self._owner.answered(self, post, self._status)
        else:
            self._owner.unanswered(self, post, reason, kept_alive_died=closed and self.silent)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Notice an answer behind the answer."""
        if self._complete:
            self._surplus = True

    def on_headers_complete(self) -> None:
        """Keep the status, unless it only says that another one follows (1xx)."""
        status = self._parser.get_status_code()
        if status >= 200 and not self._complete:  # noqa: PLR2004 - the first final status
            self._status = status

    def on_message_complete(self) -> None:
        """Note that the answer is whole."""
        if self._status:
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()

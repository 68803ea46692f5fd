"""A game night service, as a program uses it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Literal

from gamenight.addresses import addresses
from gamenight.cursors import CursorStore, FileCursors, MemoryCursors
from gamenight.events import Event
from gamenight.following.follower import Follower
from gamenight.following.streams import Delivery, Streams
from gamenight.rest import Rest
from gamenight.tokens import Token, Tokens
from gamenight.waiting import Surroundings, awaited

WAITING_EVENTS = 1000
"""So many events may wait for a program that is slow. Then nothing more is read until it has caught up."""


class GameNight:
    """A game night service, as a program uses it.

    ``url`` is where ``/api`` is, such as ``http://localhost:5000`` or ``https://....amazonaws.com/dev``; the
    WebSocket's address is asked there, unless ``websocket_url`` says it. A ``ws://`` address that ends as the
    local one does (``/api/sessions/live``) will do as well. With a function as ``token`` the token is
    refreshed in time. ``cursors`` is a file's path or a ``CursorStore``: without one, a program that is
    started again hears what happens from then on. ``poll_seconds`` is how often is read while there is no
    WebSocket.
    """

    def __init__(  # noqa: PLR0913 - two say where and who; the others are a program's to leave out
        self,
        url: str,
        token: Token,
        *,
        cursors: CursorStore | str | Path | None = None,
        websocket_url: str | None = None,
        poll_seconds: float = 5.0,
        surroundings: Surroundings | None = None,
    ) -> None:
        rest_url, websocket_url = addresses(url, websocket_url)
        surroundings = surroundings or Surroundings()
        self._tokens = Tokens(token, surroundings)
        self._rest = Rest(rest_url, self._tokens, surroundings)
        self._store = FileCursors(Path(cursors)) if isinstance(cursors, str | Path) else cursors
        self._follower = Follower(self._rest, websocket_url, poll_seconds, self._tokens, surroundings)
        self._following: asyncio.Task[Any] | None = None

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens, from the stored cursors on, for as long as the program wants.

        Asking for the next event says that the last one has been dealt with: only then its cursor is saved.
        So an event that a program was killed over comes again, and none is lost. Raises TokenRefused,
        WrongAddress and NoCursors, which only a person can do something about; everything else is tried
        again.
        """
        if self._following:
            raise RuntimeError("This GameNight is listening already; make another one to listen twice.")
        store = self._store = self._store or MemoryCursors()
        stored = await awaited(store.load())
        streams = Streams.at(stored)
        cursors = {stream: cursor for stream, cursor in stored.items() if stream in streams.followed}
        waiting: asyncio.Queue[Delivery] = asyncio.Queue(WAITING_EVENTS)
        following = self._following = asyncio.create_task(self._follower.run(streams, waiting))
        try:
            while True:
                delivery = await _next(waiting, following)
                if delivery.event is not None:
                    yield delivery.event
                for stream, cursor in delivery.cursors.items():
                    if cursor is None:
                        cursors.pop(stream, None)
                    else:
                        cursors[stream] = cursor
                await awaited(store.save(cursors))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            self._following = None

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make a REST request, such as ``("GET", "/api/sessions/17")``, and return the answer.

        What fails for a moment is tried again; a POST carries an idempotency key, so that it is done once.
        Raises Refused, TokenRefused, and OSError where the service can't be reached.
        """
        return await self._rest.request(method, path, body)

    async def session(self, session_id: int) -> Any:
        """Return a night with its games and their totals. Raises as ``request`` does."""
        return await self.request("GET", f"/api/sessions/{session_id}")

    async def vote(
        self, session_id: int, username: str, vote: Literal["up", "down"], game_id: int | None = None
    ) -> Any:
        """Vote for the newest game of a night, or for another one, and return the vote.

        In a crowd it comes without ``totals``: it is counted in a moment. Raises as ``request`` does; Refused
        with the code ``no_game`` or ``session_closed`` where nobody can vote now.
        """
        body = {"username": username, "type": vote, **({} if game_id is None else {"game_id": game_id})}
        return await self.request("POST", f"/api/sessions/{session_id}/votes", body)


async def _next(waiting: "asyncio.Queue[Delivery]", following: "asyncio.Task[Any]") -> Delivery:
    getting = asyncio.ensure_future(waiting.get())
    try:
        await asyncio.wait({getting, following}, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
    finally:
        getting.cancel()
    await following
    raise AssertionError("following ends by raising")

"""Runs the same client without asyncio, in its own thread.

with GameNight("http://localhost:5000", token) as night:
    for event in night.events():
        print(event.type, event.data)
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial, wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from gamenight import client
from gamenight.cursors import CursorStore
from gamenight.events import Event
from gamenight.following.follower import State
from gamenight.tokens import Token
from gamenight.types import Joined

P = ParamSpec("P")
T = TypeVar("T")


def _waited_for(
    method: Callable[Concatenate[client.GameNight, P], Awaitable[T]],
) -> Callable[Concatenate["GameNight", P], T]:
    """Return a method that waits for the result of the asyncio client's method."""

    @wraps(method)
    def call(self: "GameNight", /, *arguments: P.args, **options: P.kwargs) -> T:
        return self._starts(lambda: method(self._client, *arguments, **options)).result()

    return call


class GameNight(AbstractContextManager["GameNight"]):
    """``gamenight.GameNight`` for any thread. It calls ``on_state`` in its own thread."""

    def __init__(  # noqa: PLR0913 - as the other
        self,
        url: str,
        token: Token,
        *,
        cursors: CursorStore | str | Path | None = None,
        websocket_url: str | None = None,
        poll_seconds: float = 5.0,
        on_state: Callable[[State], object] = lambda _state: None,
    ) -> None:
        listen = partial(client.GameNight, cursors=cursors, websocket_url=websocket_url, on_state=on_state)
        self._client = listen(url, token, poll_seconds=poll_seconds)
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._lock = threading.Lock()
        self._closed = False
        # A daemon: a program that forgets to close it can still end.
        self._thread = threading.Thread(target=self._serve, name="gamenight", daemon=True)
        self._thread.start()

    start_night = _waited_for(client.GameNight.start_night)
    add_game = _waited_for(client.GameNight.add_game)
    remove_game = _waited_for(client.GameNight.remove_game)
    vote = _waited_for(client.GameNight.vote)
    withdraw_vote = _waited_for(client.GameNight.withdraw_vote)
    end_night = _waited_for(client.GameNight.end_night)
    night = _waited_for(client.GameNight.night)
    nights = _waited_for(client.GameNight.nights)
    active_night = _waited_for(client.GameNight.active_night)
    invite = _waited_for(client.GameNight.invite)
    invite_host = _waited_for(client.GameNight.invite_host)
    remove_guest = _waited_for(client.GameNight.remove_guest)
    revoke = _waited_for(client.GameNight.revoke)
    request = _waited_for(client.GameNight.request)

    @property
    def state(self) -> State:
        """The connection's state: ``connecting``, ``catching_up``, ``live``, ``polling`` or ``closed``."""
        return self._client.state

    def events(self) -> Iterator[Event]:
        """Yield events, as ``gamenight.GameNight.events`` does, until Ctrl-C or ``close``."""
        events = self._client.events()
        with suppress(concurrent.futures.CancelledError):  # it is closed
            coming = self._starts(lambda: anext(events, None))
            try:
                while (event := coming.result()) is not None:
                    yield event
                    coming = self._starts(lambda: anext(events, None))
            finally:  # by Ctrl-C or break, too
                self._starts(self._client.aclose).result()
                concurrent.futures.wait([coming])
                self._starts(events.aclose).result()

    def close(self) -> None:
        """Close the connection and end the thread. Events that were not yielded come at the next start."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        async def until_closed() -> None:
            await self._ending.wait()
            await self._client.aclose()

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(until_closed())  # this also cancels all other tasks

    def _starts(self, starting: Callable[[], Awaitable[T]]) -> "concurrent.futures.Future[T]":
        """Run a coroutine in the thread. Raises CancelledError once the client is closed."""

        async def done() -> T:
            return await starting()

        with self._lock:
            if self._closed:
                raise concurrent.futures.CancelledError
            return asyncio.run_coroutine_threadsafe(done(), self._loop)


def join(url: str, code: str, name: str | None = None) -> Joined:
    """Return the token of a guest or of a host who joins with a code, as ``gamenight.join`` does."""
    with GameNight(url, "") as stranger:
        joining = stranger._starts(lambda: client.join(url, code, name))  # noqa: SLF001 - it is this module's
        return joining.result()

"""Connects a program to a Game Night Live service."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from gamenight.addresses import addresses
from gamenight.cursors import CursorStore, FileCursors, MemoryCursors
from gamenight.errors import Refused
from gamenight.events import Event
from gamenight.following.follower import Follower, State
from gamenight.following.streams import Delivery, Streams
from gamenight.rest import Rest
from gamenight.tokens import Token, Tokens
from gamenight.types import (
    ActiveSession,
    CountedVote,
    EndedSession,
    Game,
    Invite,
    Joined,
    Session,
    SessionWithGames,
    StartedSession,
    StoredVote,
    VoteType,
)
from gamenight.waiting import Surroundings, awaited

WAITING_EVENTS = 1000
"""How many events may wait for a slow program. Then the client reads nothing more until it catches up."""


class GameNight:
    """A client of one Game Night Live service.

    ``url`` is the address without ``/api``, such as ``http://localhost:5000`` or
    ``https://....amazonaws.com/dev``. A ``ws://`` address that ends in ``/api/sessions/live`` works too.
    ``GET /api`` names the WebSocket's address, unless you pass ``websocket_url``. If ``token`` is a function,
    the client refreshes the token in time. With a guest's token, which ``join`` returns, it follows the
    guest's night only. ``cursors`` is a file's path or a ``CursorStore``; without it, a restarted program
    gets only new events. ``poll_seconds`` is the time between two polls while no WebSocket gets through.
    ``on_state`` is called with each new ``state``.
    """

    def __init__(  # noqa: PLR0913 - all but two are optional
        self,
        url: str,
        token: Token,
        *,
        cursors: CursorStore | str | Path | None = None,
        websocket_url: str | None = None,
        poll_seconds: float = 5.0,
        on_state: Callable[[State], object] = lambda _state: None,
        surroundings: Surroundings | None = None,
    ) -> None:
        rest_url, websocket_url = addresses(url, websocket_url)
        surroundings = surroundings or Surroundings()
        self._tokens = Tokens(token, surroundings)
        self._rest = Rest(rest_url, self._tokens, surroundings)
        self._store = FileCursors(Path(cursors)) if isinstance(cursors, str | Path) else cursors
        self._follower = Follower(
            rest=self._rest,
            tokens=self._tokens,
            surroundings=surroundings,
            websocket_url=websocket_url,
            poll_seconds=poll_seconds,
            on_state=on_state,
        )
        self._following: asyncio.Task[Any] | None = None

    @property
    def state(self) -> State:
        """The connection's state: ``connecting``, ``catching_up``, ``live``, ``polling`` or ``closed``."""
        return self._follower.state

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection and end ``events``. Events that were not yielded come at the next start."""
        following, self._following = self._following, None
        if following:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield events, from the stored cursors on, until ``aclose``.

        The client saves an event's cursor when the program asks for the next event. If the program is killed
        before that, the event comes again, and none is lost. Raises TokenRefused, WrongAddress and NoCursors,
        which only a person can fix; retries everything else.
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
                if delivery is None:
                    return
                if delivery.event is not None:
                    yield delivery.event
                for stream, cursor in delivery.cursors.items():
                    if cursor is None:
                        cursors.pop(stream, None)
                    else:
                        cursors[stream] = cursor
                await awaited(store.save(cursors))
        finally:
            if self._following is following:
                await self.aclose()

    async def start_night(self, notes: str | None = None) -> StartedSession:
        """Start a night, and return it; bots announce its ``notes``. Raises as ``request`` does."""
        started: StartedSession = await self.request("POST", "/api/sessions", {"notes": notes})
        return started

    async def add_game(
        self,
        night_id: int,
        title: str,
        *,
        pack_name: str | None = None,
        min_players: int | None = None,
        max_players: int | None = None,
    ) -> Game:
        """Add a game to a night, and return it. Raises as ``request`` does."""
        body = _given(title=title, pack_name=pack_name, min_players=min_players, max_players=max_players)
        game: Game = await self.request("POST", f"/api/sessions/{night_id}/games", body)
        return game

    async def remove_game(self, night_id: int, game_id: int) -> None:
        """Remove a game from a night, with its votes. Raises as ``request`` does."""
        await self.request("DELETE", f"/api/sessions/{night_id}/games/{game_id}")

    async def vote(
        self,
        night_id: int,
        username: str,
        type: VoteType,  # noqa: A002 - the service's word
        *,
        game_id: int | None = None,
    ) -> CountedVote | StoredVote:
        """Vote for the newest game of a night, or for another one, and return the vote.

        While many vote at once, the vote has no ``totals`` yet. Raises as ``request`` does: Refused has the
        code ``no_game`` or ``session_closed`` if nobody can vote now.
        """
        body = _given(username=username, type=type, game_id=game_id)
        vote: CountedVote | StoredVote
        vote = await self.request("POST", f"/api/sessions/{night_id}/votes", body)
        return vote

    async def withdraw_vote(self, night_id: int, username: str, game_id: int) -> None:
        """Withdraw somebody's vote for a game. Raises as ``request`` does."""
        path = f"/api/sessions/{night_id}/votes/{game_id}?username={quote(username, safe='')}"
        await self.request("DELETE", path)

    async def end_night(self, night_id: int) -> EndedSession:
        """End a night, and return it. Raises as ``request`` does."""
        ended: EndedSession = await self.request("POST", f"/api/sessions/{night_id}/close")
        return ended

    async def night(self, night_id: int) -> SessionWithGames:
        """Return a night with its games and their totals. Raises as ``request`` does."""
        night: SessionWithGames = await self.request("GET", f"/api/sessions/{night_id}")
        return night

    async def nights(self, newest: int = 100) -> list[Session]:
        """Return the ``newest`` nights, 100 at most, newest first. Raises as ``request`` does."""
        sessions: list[Session] = (await self.request("GET", f"/api/sessions?newest={newest}"))["sessions"]
        return sessions

    async def active_night(self) -> ActiveSession | None:
        """Return the newest night that is on, or None. Raises as ``request`` does."""
        try:
            active: ActiveSession = await self.request("GET", "/api/sessions/active")
        except Refused as refused:
            if refused.code == "no_active_session":
                return None
            raise
        return active

    async def invite(self, night_id: int, *, ttl_seconds: int | None = None) -> Invite:
        """Make a code for any number of guests, and return it.

        It is good until the night ends, and for ``ttl_seconds`` at most. Raises as ``request`` does.
        """
        body = _given(ttl_seconds=ttl_seconds)
        invite: Invite = await self.request("POST", f"/api/sessions/{night_id}/invites", body)
        return invite

    async def invite_host(self) -> Invite:
        """Make a link that signs in one host, and return it.

        It is good once, for ten minutes. Raises as ``request`` does.
        """
        invite: Invite = await self.request("POST", "/api/invites")
        return invite

    async def remove_guest(self, night_id: int, name: str) -> None:
        """Revoke a guest's token. The name stays taken. Raises as ``request`` does."""
        await self.request("DELETE", f"/api/sessions/{night_id}/guests/{quote(name, safe='')}")

    async def revoke(self, subject: str) -> None:
        """Revoke all tokens that a subject has now, and close its connections. Raises as ``request`` does."""
        await self.request("DELETE", f"/api/tokens/{quote(subject, safe='')}")

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make any other REST request, and return the answer.

        It is retried if the failure may pass. A POST carries an idempotency key, so it is done once. A DELETE
        that finds nothing after its first answer was lost is done, and returns None. Raises Refused,
        TokenRefused, OSError if nothing answers, and WrongAddress if another server answers from the
        beginning.
        """
        try:
            return await self._rest.request(method, path, body)
        except Refused as refused:
            if refused.foreign and not self._rest.reached:  # later it is a proxy's answer, and may pass
                raise self._rest.wrong_address() from refused
            raise


async def join(
    url: str, code: str, name: str | None = None, *, surroundings: Surroundings | None = None
) -> Joined:
    """Join with a code, and return the token of a guest or of a host. It needs no token.

    ``url`` is that of ``GameNight``. A host needs no ``name``. Raises as ``GameNight.request`` does: Refused
    has the code ``invite_not_found``, ``invite_expired``, ``name_taken`` or ``too_many_attempts``.
    """
    stranger = GameNight(url, "", surroundings=surroundings)
    joined: Joined = await stranger.request("POST", "/api/join", _given(code=code, name=name))
    return joined


def _given(**body: Any) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


async def _next(waiting: "asyncio.Queue[Delivery]", following: "asyncio.Task[Any]") -> Delivery | None:
    """Return the next delivery, None once the client is closed. Raises the error that ended ``following``."""
    getting = asyncio.ensure_future(waiting.get())
    try:
        await asyncio.wait({getting, following}, return_when=asyncio.FIRST_COMPLETED)
        if following.cancelled():
            return None
        return getting.result() if getting.done() else following.result()
    finally:
        getting.cancel()

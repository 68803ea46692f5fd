"""Plays a night: a host, an announcer, and three guests who vote, one of whom misses a part.

Each is a client like any other, with its own token and connection. Each step waits for the events of the step
before, so the script is as fast as the service. The pace only gives people time to read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Literal, TypeVar

import click
from announcements import on_one_line, results
from gamenight import Event, GameNight, MemoryCursors, StartedSession

from chalicelib.auth.claims import Role
from infra.cli.options import as_json
from infra.cli.service.format import games, members, sentence
from infra.cli.service.target import ServiceTarget

T = TypeVar("T")

HEARD_SECONDS = 60.0
"""How long a bot waits for an event. A new stage has slow cold starts."""

TOKEN_SECONDS = 60 * 60

ABANDON_SECONDS = 15.0
"""How long an interrupted demo may take to end its night."""

NOTES = "Friday Game Night"
QUIPLASH, TEE_KO = "Quiplash 3", "Tee K.O."
VOTES: Mapping[str, Mapping[str, Literal["up", "down"]]] = {
    "alice": {QUIPLASH: "up", TEE_KO: "up"},
    "bob": {QUIPLASH: "up", TEE_KO: "down"},
    "carol": {QUIPLASH: "down", TEE_KO: "up"},
}
"""What each guest votes, by title."""

COLOURS = {"host": "green", "announcer": "cyan", "alice": "magenta", "bob": "yellow", "carol": "blue"}


class _Guest(MemoryCursors):
    """A guest who listens, reports and votes. Once it keeps a cursor, it misses no event.

    ``session_id`` is the number of the demo's night, since others may start nights meanwhile.
    """

    def __init__(self, name: str, url: str, token: str, session_id: "asyncio.Future[int]") -> None:
        super().__init__()
        self.name = name
        self.tell: Callable[[Event], None] = lambda _event: None
        self.heard = 0
        self._night = GameNight(url, token, cursors=self)
        self._session_id = session_id
        self._joined = asyncio.Event()
        self._news: asyncio.Queue[Event | Exception] = asyncio.Queue()

    def save(self, cursors: Mapping[str, str]) -> None:
        """Keep cursors, see ``gamenight.CursorStore``."""
        super().save(cursors)
        self._joined.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until the end of the block, from the last position. The block begins when events arrive."""
        listening = asyncio.create_task(self._listen())
        try:
            await self._patiently(self._joined.wait(), "joined")
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def hears(self, kind: str, count: int = 1) -> None:
        """Wait for ``count`` more events of a kind. Raises the error that has ended the listening."""
        while count:
            news = await self._patiently(self._news.get(), f"heard {kind}")
            if isinstance(news, Exception):
                raise news
            count -= news.type == kind

    async def _patiently(self, awaited: Awaitable[T], what: str) -> T:
        try:
            async with asyncio.timeout(HEARD_SECONDS):
                return await awaited
        except TimeoutError as missing:
            raise click.ClickException(
                f"{self.name} has not {what} within {HEARD_SECONDS:g} s. The service's log says why: it is "
                "in the terminal of `make run`, or in CloudWatch."
            ) from missing

    async def _listen(self) -> None:
        try:
            async for event in self._night.events():
                if event.type != "snapshot" and event.session_id == await self._session_id:
                    await self._take(event)
        except Exception as error:  # noqa: BLE001 - `hears` raises it
            self._news.put_nowait(error)
        finally:
            self._joined.set()

    async def _take(self, event: Event) -> None:
        self.heard += 1
        self.tell(event)
        if event.type == "game.added":
            game = event.data["game"]
            if vote := VOTES.get(self.name, {}).get(game["title"]):
                await self._night.vote(event.session_id, self.name, vote, game_id=game["id"])
        self._news.put_nowait(event)


async def play(service: ServiceTarget, pace_seconds: float, *, own: bool, json_only: bool) -> None:
    """Play a night on a service. Print what everybody does, or only the announcer's events as JSON.

    ``own`` says that the service is the demo's own, and ends with it.

    Raises what ``gamenight`` raises, and ClickException.
    """
    script = _Script(service, pace_seconds, own=own, json_only=json_only)
    try:
        await script.play()
    except BaseException:  # also Ctrl-C and a closed pipe
        await script.abandon()
        raise


class _Script:
    """The steps of the night."""

    def __init__(self, service: ServiceTarget, pace_seconds: float, *, own: bool, json_only: bool) -> None:
        self._own = own
        self._url = service.url
        self._pace_seconds = pace_seconds
        self._json_only = json_only
        self._host = service.night(Role.ADMIN)
        self._session_id: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._starting: asyncio.Future[StartedSession] | None = None

    async def play(self) -> None:
        """Play the night to its end."""
        whose = "a gateway of its own" if self._own else "the service that is running"
        self._say("", f"on {self._url}, {whose}")
        announcer, alice, bob, carol = guests = [await self._guest(name) for name in ("announcer", *VOTES)]
        announcer.tell = self._announce
        async with announcer.listening(), alice.listening(), bob.listening():
            async with carol.listening():
                await self._start(guests)
                await self._add(QUIPLASH, announcer, carol, votes=3)
                await self._says("carol", "closes her laptop")
            await self._add(TEE_KO, announcer, votes=2)
            await self._says("carol", "opens it again, and gets what she missed, in order:")
            before, silent = carol.heard, carol.tell
            carol.tell = lambda event: self._say("carol", sentence(event))
            async with carol.listening():
                await carol.hears("vote.received", 3)
                await announcer.hears("vote.received")
                await self._says("carol", f"has caught up: {carol.heard - before} events, none lost")
                carol.tell = silent
                await self._end(announcer)
        yours = "`make run` starts the service" if self._own else "`gamenight night start` starts a night"
        self._say("", f"Your turn: {yours}. docs/bots.md is a bot in ten minutes.")

    async def abandon(self) -> None:
        """End the night of a script that was interrupted."""
        if self._starting is None:
            return
        # The user needs to see why the demo was interrupted, not an error of ending the night.
        with suppress(Exception):
            async with asyncio.timeout(ABANDON_SECONDS):
                session = await self._starting
                await self._host.end_night(session["id"])

    async def _guest(self, name: str) -> _Guest:
        asked = {"name": name, "ttl_seconds": TOKEN_SECONDS}
        token = (await self._host.request("POST", "/api/tokens", asked))["token"]
        return _Guest(name, self._url, token, self._session_id)

    async def _start(self, guests: Sequence[_Guest]) -> None:
        await self._says("host", f'starts a night: gamenight night start "{NOTES}"')
        # Shielded, because ``abandon`` needs the number of a night that is just starting.
        self._starting = asyncio.ensure_future(self._host.start_night(NOTES))
        session = await asyncio.shield(self._starting)
        self._session_id.set_result(session["id"])
        await asyncio.gather(*(guest.hears("session.started") for guest in guests))

    async def _add(self, title: str, *listeners: _Guest, votes: int) -> None:
        await self._says("host", f'adds {title}: gamenight game add "{title}"')
        await self._host.add_game(await self._session_id, title)
        await asyncio.gather(*(guest.hears("vote.received", votes) for guest in listeners))

    async def _end(self, announcer: _Guest) -> None:
        await self._says("host", "ends the night: gamenight night end")
        await self._host.end_night(await self._session_id)
        self._starting = None
        await announcer.hears("session.ended")
        night = await self._host.night(await self._session_id)
        await self._says("announcer", f"has the results of {games(night['games_played'])}:")
        for line in results(night):
            self._say("", on_one_line(line))

    async def _says(self, who: str, what: str) -> None:
        # Gives people time to read.
        await asyncio.sleep(self._pace_seconds)
        self._say(who, click.style(what, bold=who == "host"))

    def _announce(self, event: Event) -> None:
        self._say("announcer", sentence(event))
        if self._json_only:
            click.echo(as_json(members(event)))

    def _say(self, who: str, what: str) -> None:
        if not self._json_only:
            click.echo(f"{click.style(f'{who:>9}', fg=COLOURS.get(who))} │ {what}")

"""A night to look at: a host, three who vote, one of whom misses something, and a bot that tells it all.

Each of them is a client like any other, with a token and a connection of its own. What they do waits for
what they hear, so the script is as fast as the service; the pace only gives people time to read.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import click
from click import ClickException

from chalicelib.auth.claims import Role
from infra.cli.service.format import games, sentence
from infra.cli.service.library import CursorStore, Event, GameNight, MemoryCursors, on_one_line, results
from infra.cli.service.target import ServiceTarget

HEARD_SECONDS = 60.0
"""When what a bot was to hear counts as lost; the cold starts of a fresh stage fit in."""

TOKEN_SECONDS = 60 * 60

ABANDON_SECONDS = 15.0
"""How long a demo that is broken off may take to end its night."""

Vote = Literal["up", "down"]
Votes = Mapping[str, Vote]
"""What somebody votes, by title."""

NOTES = "Friday Game Night"
QUIPLASH, TEE_KO = "Quiplash 3", "Tee K.O."
ALICE: Votes = {QUIPLASH: "up", TEE_KO: "up"}
BOB: Votes = {QUIPLASH: "up", TEE_KO: "down"}
CAROL: Votes = {QUIPLASH: "down", TEE_KO: "up"}


@dataclass(frozen=True, slots=True)
class Show:
    """How a night is shown: ``say`` gets who and what, ``heard`` each event that the announcer hears."""

    say: Callable[[str, str], None]
    heard: Callable[[Event], None]
    pace_seconds: float


@dataclass(slots=True)
class _Position:
    """Cursors in memory, and whether there are any: from then on a bot hears whatever happens."""

    kept: MemoryCursors = field(default_factory=MemoryCursors)
    there: asyncio.Event = field(default_factory=asyncio.Event)

    def load(self) -> Mapping[str, str]:
        return self.kept.load()

    def save(self, cursors: Mapping[str, str]) -> None:
        self.kept.save(cursors)
        self.there.set()


@dataclass(slots=True)
class _Client:
    """Somebody who listens to one night, and votes for the games in ``votes``. ``heard`` has its events.

    Of which night has to be told: the first that starts may be somebody else's.
    """

    name: str
    night: Callable[[CursorStore], GameNight]
    session_id: "asyncio.Future[int]"
    show: Show
    votes: Votes = field(default_factory=dict)
    tells: bool = False
    reports: bool = False
    position: _Position = field(default_factory=_Position)
    heard: list[Event] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _listening: "asyncio.Task[None] | None" = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until the end of the block, from where it was before; enter once it certainly hears."""
        listening = self._listening = asyncio.create_task(self._listen(self.night(self.position)))
        listening.add_done_callback(lambda _: self._news.set())
        try:
            await self._unless_it_fails(listening, self.position.there.wait(), "is not let in")
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def hears(self, kind: str, count: int = 1) -> None:
        """Wait until it has heard so many events of a kind. Raises what has ended its listening."""
        try:
            async with asyncio.timeout(HEARD_SECONDS):
                while sum(event.type == kind for event in self.heard) < count:
                    if self._listening is not None and self._listening.done():
                        await self._listening
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as missing:
            raise ClickException(
                f"{self.name} has not heard {kind} within {HEARD_SECONDS:g} s. The service's log tells why: "
                "it is in the terminal of `make run`, or in CloudWatch."
            ) from missing

    async def _listen(self, night: GameNight) -> None:
        async for event in night.events():
            if event.type != "snapshot" and event.session_id == await self.session_id:
                await self._happened(event, night)

    async def _happened(self, event: Event, night: GameNight) -> None:
        self.heard.append(event)
        if self.tells:
            self.show.say(self.name, sentence(event))
        if self.reports:
            self.show.heard(event)
        game = event.data.get("game")
        if event.type == "game.added" and isinstance(game, dict) and (vote := self.votes.get(game["title"])):
            await night.vote(self.session_id.result(), self.name, vote, game["id"])
        self._news.set()

    async def _unless_it_fails(self, listening: "asyncio.Task[None]", what: Any, problem: str) -> None:
        waiting = asyncio.ensure_future(what)
        done, _ = await asyncio.wait(
            {listening, waiting}, timeout=HEARD_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if listening in done:
            waiting.cancel()
            await listening
        if waiting not in done:
            waiting.cancel()
            raise ClickException(f"{self.name} {problem} within {HEARD_SECONDS:g} s.")


class _Night:
    """The script."""

    def __init__(self, service: ServiceTarget, show: Show) -> None:
        self._service = service
        self._show = show
        self._host = service.night(Role.ADMIN)
        self._session_id: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._starting: asyncio.Future[Any] | None = None
        self._at = ""

    async def play(self) -> None:
        """Play the night to its end. Broken off, by Ctrl-C or a closed pipe, it ends it too."""
        try:
            await self._play()
        except BaseException:
            await self._abandon()
            raise

    async def _abandon(self) -> None:
        if self._starting is None:
            return
        # Why the demo was broken off is what has to be told, not that its night could not be ended.
        with suppress(Exception):
            async with asyncio.timeout(ABANDON_SECONDS):
                session = await self._starting
                await self._host.request("POST", f"/api/sessions/{session['id']}/close")

    async def _play(self) -> None:
        announcer = await self._client("announcer", {})
        announcer.tells = announcer.reports = True
        alice, bob, carol = [
            await self._client(name, votes)
            for name, votes in (("alice", ALICE), ("bob", BOB), ("carol", CAROL))
        ]
        async with announcer.listening(), alice.listening(), bob.listening():
            async with carol.listening():
                await self._start([announcer, alice, bob, carol])
                await self._add(QUIPLASH, announcer, carol, votes=3)
                await self._says("carol", "closes her laptop")
            await self._add(TEE_KO, announcer, votes=5)
            await self._says("carol", "opens it again, and hears what she has missed, in order:")
            before, carol.tells = len(carol.heard), True
            async with carol.listening():
                await carol.hears("vote.received", 6)
                await announcer.hears("vote.received", 6)
                await self._says("carol", f"has caught up: {len(carol.heard) - before} events, none lost")
                carol.tells = False
                await self._end(announcer)

    async def _client(self, name: str, votes: Votes) -> _Client:
        asked = {"name": name, "ttl_seconds": TOKEN_SECONDS}
        token = (await self._host.request("POST", "/api/tokens", asked))["token"]

        def night(cursors: CursorStore) -> GameNight:
            return GameNight(self._service.url, token, cursors=cursors)

        return _Client(name, night, self._session_id, self._show, votes)

    async def _start(self, clients: Sequence[_Client]) -> None:
        await self._says("host", f"starts a night: POST /api/sessions, with the notes {NOTES!r}")
        # Shielded: a night that is about to start can only be ended by who learns its number.
        self._starting = asyncio.ensure_future(self._host.request("POST", "/api/sessions", {"notes": NOTES}))
        session = await asyncio.shield(self._starting)
        self._at = f"/api/sessions/{session['id']}"
        self._session_id.set_result(session["id"])
        await asyncio.gather(*(client.hears("session.started") for client in clients))

    async def _add(self, title: str, *listeners: _Client, votes: int) -> None:
        await self._says("host", f"adds {title}: POST {self._at}/games")
        await self._host.request("POST", f"{self._at}/games", {"title": title})
        await asyncio.gather(*(client.hears("vote.received", votes) for client in listeners))

    async def _end(self, announcer: _Client) -> None:
        await self._says("host", f"ends the night: POST {self._at}/close")
        await self._host.request("POST", f"{self._at}/close")
        self._starting = None
        await announcer.hears("session.ended")
        night = await self._host.request("GET", self._at)
        await self._says("announcer", f"has the results of {games(night['games_played'])}:")
        for line in results(night):
            self._show.say("", on_one_line(line))

    async def _says(self, who: str, what: str) -> None:
        # For whoever watches; nothing waits for it to be over.
        await asyncio.sleep(self._show.pace_seconds)
        self._show.say(who, click.style(what, bold=who == "host"))


async def play(service: ServiceTarget, show: Show) -> None:
    """Play a night on a service. Raises what ``gamenight`` raises, and ClickException."""
    await _Night(service, show).play()
